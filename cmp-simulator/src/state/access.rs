//! The access tokens that were issued.

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;

use crate::settings::{Scope, ServiceAccount};
use crate::state::Ids;

/// The rights of a valid access token.
#[derive(Clone, Debug)]
pub(crate) struct Grant {
    pub(crate) client_id: String,
    scopes: Vec<Scope>,
    expires_at: DateTime<Utc>,
}

impl Grant {
    pub(crate) fn has(&self, scope: Scope) -> bool {
        self.scopes.contains(&scope)
    }
}

/// The valid access tokens.
#[derive(Default)]
pub(crate) struct AccessTokens {
    grants: HashMap<String, Grant>,
    minted: usize,
}

impl AccessTokens {
    pub(crate) fn mint(
        &mut self,
        account: &ServiceAccount,
        scopes: Vec<Scope>,
        now: DateTime<Utc>,
        ids: &mut Ids,
    ) -> String {
        self.grants.retain(|_, grant| grant.expires_at > now);
        let expires_at = now + TimeDelta::seconds(i64::from(account.lifetime_seconds()));
        let names: Vec<_> = scopes.iter().map(|scope| scope.name()).collect();
        let claims = json!({
            "azp": account.client_id(),
            "exp": expires_at.timestamp(),
            "iat": now.timestamp(),
            "jti": ids.trace(),
            "scope": names.join(" "),
        });
        let token = ids.access_token(&claims);
        let grant = Grant { client_id: account.client_id().to_owned(), scopes, expires_at };
        self.grants.insert(token.clone(), grant);
        self.minted += 1;
        token
    }

    pub(crate) fn grant(&self, token: &str, now: DateTime<Utc>) -> Option<&Grant> {
        self.grants.get(token).filter(|grant| grant.expires_at > now)
    }

    pub(crate) fn revoke_all(&mut self) {
        self.grants.clear();
    }

    pub(crate) fn minted(&self) -> usize {
        self.minted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_expire_with_the_clock_and_can_be_revoked() {
        let mut ids = Ids::new(1);
        let mut tokens = AccessTokens::default();
        let account = ServiceAccount::default().token_lifetime_seconds(60);
        let start = Utc::now();
        let token = tokens.mint(&account, Scope::ALL.to_vec(), start, &mut ids);
        assert!(tokens.grant(&token, start + TimeDelta::seconds(59)).is_some());
        assert!(tokens.grant(&token, start + TimeDelta::seconds(60)).is_none());
        tokens.revoke_all();
        assert!(tokens.grant(&token, start).is_none());
        assert_eq!(tokens.minted(), 1);
    }
}
