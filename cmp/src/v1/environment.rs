use crate::environment::environment;

environment! {
    /// Where V1 requests go, and where access tokens come from. The token endpoint is the one of CMP.
    ///
    /// A type of its own: a V1 client can't be given a CMP environment, nor the other way round.
    Environment {
        sandbox: "https://calm.sandbox.verygoodsecurity.app",
        live: "https://calm.live.verygoodsecurity.app",
        api_url_variable: "VGS_V1_API_URL",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::variables::Variables;

    #[test]
    fn the_process_environment_decides() {
        let read = |variables: Variables| Environment::from_variables(&variables);
        assert_eq!(read([].into()).unwrap(), Environment::Sandbox);
        assert_eq!(read([("VGS_ENVIRONMENT", "live")].into()).unwrap(), Environment::Live);
        let custom = [
            ("VGS_ENVIRONMENT", "custom"),
            ("VGS_API_URL", "http://127.0.0.1:1"),
            ("VGS_TOKEN_URL", "http://127.0.0.1:9/token"),
        ];
        assert!(
            read(custom.into()).unwrap_err().to_string().contains("VGS_V1_API_URL"),
            "CMP's address is not V1's"
        );
        let custom = [
            ("VGS_ENVIRONMENT", "custom"),
            ("VGS_V1_API_URL", "http://127.0.0.1:9/base/"),
            ("VGS_TOKEN_URL", "http://127.0.0.1:9/token"),
        ];
        assert_eq!(read(custom.into()).unwrap().api_url(), "http://127.0.0.1:9/base");
        let error = read([("VGS_V1_API_URL", "https://a.example")].into()).unwrap_err().to_string();
        assert!(error.contains("VGS_V1_API_URL"), "{error}");
    }
}
