/// Runs the body of a doc test as a program: with a client of a new simulator, and if it wants one with a stored card.
///
/// The patterns are `|cmp|`, `|cmp, id|`, and `builder, |simulator, cmp|` or `builder, |simulator, cmp, id|` for a
/// simulator with its own settings. With `v1` before them, the client is one of V1.
#[doc(hidden)]
#[macro_export]
macro_rules! example {
    ($($version:ident)? |$($name:ident),+| $body:tt) => {
        $crate::example!($($version)? cmp_simulator::Simulator::builder(), |simulator, $($name),+| $body)
    };
    ($builder:expr, |$simulator:ident, $cmp:ident, $id:ident| { $($body:tt)* }) => {
        $crate::example!($builder, |$simulator, $cmp| {
            let pan = $crate::Pan::new("5100260000019206")?;
            let card = $crate::NewCard::new(pan, $crate::Expiry::new(12, 2030)?);
            let $id = $cmp.cards().create(card).await?.id().clone();
            $($body)*
        })
    };
    ($builder:expr, |$simulator:ident, $cmp:ident| $body:tt) => {
        $crate::example!(@run $builder, $simulator, $cmp, $crate::Client, $crate::Environment, $body)
    };
    (v1 $builder:expr, |$simulator:ident, $v1:ident| $body:tt) => {
        $crate::example!(@run $builder, $simulator, $v1, $crate::v1::Client, $crate::v1::Environment, $body)
    };
    (@run $builder:expr, $simulator:ident, $cmp:ident, $client:path, $environment:path, { $($body:tt)* }) => {{
        use $client as Client;
        use $environment as Environment;
        tokio::runtime::Runtime::new()
            .unwrap()
            .block_on(async {
                let $simulator = $builder.start().await?;
                let environment = Environment::custom($simulator.url(), $simulator.token_url())?;
                let account = $crate::ServiceAccount::new($simulator.client_id(), $simulator.client_secret());
                let $cmp = Client::builder(environment).service_account(account).build()?;
                $($body)*
                Ok::<(), Box<dyn std::error::Error>>(())
            })
            .unwrap();
    }};
}
