// Written by `cargo xtask spec merge`. Do not edit.

operations! {
    CreateCard "create_card" POST "/cards" true
    DeleteCard "delete_card" DELETE "/cards/{card_id}" false
    GetCard "get_card" GET "/cards/{card_id}" false
    UpdateCard "update_card" PATCH "/cards/{card_id}" true
    UnsubscribeFromCardUpdates "unsubscribe_from_card_updates" DELETE "/cards/{card_id}/card-update-subscriptions" false
    SubscribeToCardUpdates "subscribe_to_card_updates" POST "/cards/{card_id}/card-update-subscriptions" false
    CheckForCardUpdates "check_for_card_updates" POST "/cards/{card_id}/check" false
    RequestCryptogram "request_cryptogram" POST "/cards/{card_id}/cryptogram" true
    DeleteNetworkToken "delete_network_token" DELETE "/cards/{card_id}/network-tokens" false
    ProvisionNetworkToken "provision_network_token" POST "/cards/{card_id}/network-tokens" false
    ProvisionV1NetworkToken "provision_v1_network_token" POST "/network-tokens" true
    DeleteV1NetworkToken "delete_v1_network_token" DELETE "/network-tokens/{pan_alias}" false
    GetV1NetworkToken "get_v1_network_token" GET "/network-tokens/{pan_alias}" false
}
