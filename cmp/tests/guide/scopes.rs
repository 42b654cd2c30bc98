use cmp::{Amount, Client, Environment, Operation, Scope, ServiceAccount, StoredNumber};
use cmp_simulator::{PanWithoutScope, Readings, Scope as Granted, ServiceAccount as Account, Simulator};

use crate::support::{ACTIVE, store};

const SECRET: &str = "a-secret";

fn client(simulator: &Simulator, account: &str) -> Client {
    let environment =
        Environment::custom(simulator.url(), simulator.token_url()).expect("loopback is allowed");
    let account = ServiceAccount::new(account, SECRET);
    Client::builder(environment).service_account(account).build().expect("a complete builder")
}

async fn simulator(scopes: &[Granted]) -> Simulator {
    let all = Account::new("all", SECRET);
    let few = Account::new("few", SECRET).scopes(scopes.iter().copied());
    Simulator::builder().account(all).account(few).start().await.expect("a free port")
}

#[tokio::test]
async fn a_missing_scope_is_named_for_every_operation() {
    let simulator = simulator(&[]).await;
    let id = store(&client(&simulator, "all"), ACTIVE).await;
    let cmp = client(&simulator, "few");
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

#[test]
fn client_and_simulator_agree_on_scopes() {
    let names = |operation: Operation| (operation.name(), operation.scope().as_str());
    let simulated = |operation: cmp_simulator::Operation| {
        (operation.name(), operation.scope().map(Granted::name).unwrap_or_default())
    };
    for operation in cmp_simulator::Operation::CMP {
        assert!(Operation::ALL.iter().any(|ours| names(*ours) == simulated(operation)), "{operation}");
    }
    assert!(Scope::ALL.iter().all(|scope| scope.as_str().parse() == Ok(*scope)));
}

#[tokio::test]
async fn a_404_misses_no_scope() {
    let simulator = simulator(&[]).await;
    let error = client(&simulator, "all").cards().get(&"CRDnobody".parse().unwrap()).await.unwrap_err();
    assert_eq!(error.missing_scope(), None);
}

#[tokio::test]
async fn the_type_tells_what_came_back() {
    let simulator = simulator(&[Granted::CardsRead, Granted::NetworkTokensRead]).await;
    let (all, few) = (client(&simulator, "all"), client(&simulator, "few"));
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
        assert_eq!(Some(alias.expose()), masked.pan_alias(), "{reading:?}");
    }
    let amount = Amount::usd("1").unwrap();
    assert!(few.payments().customer_initiated(&id).amount(amount).await.is_ok(), "no PCI scope is needed");
}
