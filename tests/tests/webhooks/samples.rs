//! Bodies as they are documented, and as they are seen.

/// A documented test card.
pub(crate) const PAN: &str = "4111111111111111";

/// `cmp_network_token.updated`, with the V1 set of members and those that CMP is expected to add.
pub(crate) const NETWORK_TOKEN: &str = r#"{
    "id": "evt_1", "event": "cmp_network_token.updated", "description": "Network token updated",
    "summary": "The network token was suspended", "timestamp": "2025-01-15T10:00:00.000Z", "scope": "VAULT",
    "grouping": "EVERY_SINGLE", "occurrence": 1, "fingerprint": "fp_1", "integration_id": "int_1",
    "org_id": "org_1", "tenant": "tnt_1",
    "producer": { "application_name": "calm", "application_protocol": "https" },
    "details": {
        "card_id": "CRDecqZp3xRgXU3TFmtcDdzQs", "network_token_id": "NTKpRRhGgX6cRRNh7C8TWKGjE",
        "network_token": "4111111111111111", "network_token_last4": "1111", "state": "SUSPENDED",
        "reason_code": "cmp_network_token.suspended", "reason_text": "The issuer suspended the network token.",
        "card_bin": "411111", "card_last4": "0042", "card_exp_month": "12", "card_exp_year": "2025",
        "exp_month": "1", "exp_year": "2028", "pan_alias": "tok_sandbox_1",
        "payment_account_reference": "V0010013021273389273862730174", "tenant_id": "tnt_1",
        "created_at": "2025-01-10T17:56:12.783411", "updated_at": "2025-01-15T09:59:58.94829"
    }
}"#;

/// `cmp_au_card.updated`
pub(crate) const CARD_UPDATE: &str = r#"{
    "id": "evt_2", "event": "cmp_au_card.updated", "timestamp": "2025-01-15T10:00:00.000Z",
    "details": {
        "card_id": "CRDecqZp3xRgXU3TFmtcDdzQs", "card_last4": "1111", "card_first8": "41111111",
        "card_bin": "411111", "card_fingerprint": "fp_card", "fingerprint_matches": "true",
        "new_account_number": "4111111111111111", "new_expiration_date": "1225",
        "old_account_number": "4111111111111111", "old_expiration_date": "0124",
        "occurred_at": "2025-01-15T09:59:00.000Z", "reason_code": "card_updated", "reason_text": "A new card"
    }
}"#;
