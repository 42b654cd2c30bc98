use cmp::{
    Amount, Expiry, NewCard, Pan,
    cards::StoredNumber,
    operation::{Operation, Scope},
};
use cmp_simulator::{
    Fault, Operation as Simulated, PanWithoutScope, Readings, Scope as Granted, ServiceAccount as Account,
    Simulator,
};

use crate::support::{ACTIVE, client_of, store};

const SECRET: &str = "a-secret";

async fn simulator(scopes: &[Granted]) -> Simulator {
    let all = Account::new("all", SECRET);
    let few = Account::new("few", SECRET).scopes(scopes.iter().copied());
    Simulator::builder().account(all).account(few).start().await.expect("a free port")
}

#[tokio::test]
async fn a_missing_scope_is_named_for_every_operation() {
    let simulator = simulator(&[]).await;
    let id = store(&client_of(&simulator, "all"), ACTIVE).await;
    let cmp = client_of(&simulator, "few");
    let refused = [
        cmp.cards().get(&id).await.unwrap_err(),
        cmp.cards().delete(&id).await.unwrap_err(),
        cmp.network_tokens().provision(&id).await.unwrap_err(),
        cmp.network_tokens().cryptogram(&id).await.unwrap_err(),
    ];
    let expected = [Scope::CardsRead, Scope::CardsWrite, Scope::NetworkTokensWrite, Scope::NetworkTokensRead];
    for (error, scope) in refused.iter().zip(expected) {
        assert_eq!(error.missing_scope(), Some(scope), "{error}");
        assert!(error.to_string().contains(scope.as_str()), "{error}");
        assert!(error.next_step().is_some());
    }
}

#[tokio::test]
async fn a_refusal_with_every_scope_is_not_stated_as_a_missing_one() {
    let simulator = simulator(&[]).await;
    // The documented sandbox card that is answered 403.
    let card = NewCard::new(Pan::new("5100260000049211").unwrap(), Expiry::new(12, 2030).unwrap());
    let error = client_of(&simulator, "all").cards().create(card).await.unwrap_err();
    assert!(error.is_forbidden());
    let told = error.to_string();
    assert!(told.contains("may lack the scope cards:write, or this card or account is refused"), "{told}");
    assert!(error.next_step().unwrap().contains("if it has, the service refuses this card"));
}

#[tokio::test]
async fn a_refusal_by_the_token_endpoint_misses_no_scope() {
    let simulator = simulator(&[]).await;
    simulator.faults().add(Fault::status(403).on(Simulated::Token));
    let error = client_of(&simulator, "all").cards().get(&"CRDany".parse().unwrap()).await.unwrap_err();
    assert!(error.is_unauthorized() && !error.is_forbidden());
    assert_eq!((error.status(), error.missing_scope()), (Some(403), None));
}

#[test]
fn client_and_simulator_agree_on_scopes() {
    let names = |operation: Operation| (operation.name(), operation.scope().as_str());
    let simulated =
        |operation: Simulated| (operation.name(), operation.scope().map(Granted::name).unwrap_or_default());
    for operation in Simulated::cmp() {
        assert!(Operation::ALL.iter().any(|ours| names(*ours) == simulated(operation)), "{operation}");
    }
    assert!(Scope::ALL.iter().all(|scope| scope.as_str().parse() == Ok(*scope)));
}

#[tokio::test]
async fn a_404_misses_no_scope() {
    let simulator = simulator(&[]).await;
    let error = client_of(&simulator, "all").cards().get(&"CRDnobody".parse().unwrap()).await.unwrap_err();
    assert_eq!(error.missing_scope(), None);
}

#[tokio::test]
async fn the_type_shows_what_came_back() {
    let simulator = simulator(&[Granted::CardsRead, Granted::NetworkTokensRead]).await;
    let (all, few) = (client_of(&simulator, "all"), client_of(&simulator, "few"));
    let id = store(&all, ACTIVE).await;

    let in_clear = all.cards().get(&id).await.unwrap();
    assert!(matches!(in_clear.number(), Some(StoredNumber::Pan(pan)) if pan.expose() == ACTIVE));

    for reading in [PanWithoutScope::Absent, PanWithoutScope::Alias] {
        simulator.configure(|settings| {
            let mut readings = Readings::default();
            readings.pan_without_scope = reading;
            settings.readings = readings;
        });
        let masked = few.cards().get(&id).await.unwrap();
        let Some(StoredNumber::Alias(alias)) = masked.number() else { panic!("{reading:?}: no alias") };
        assert_eq!(Some(&*alias), masked.pan_alias.as_deref(), "{reading:?}");
    }
    let amount = Amount::usd("1").unwrap();
    assert!(few.payments().customer_initiated(&id).amount(amount).await.is_ok(), "no PCI scope is needed");
}
