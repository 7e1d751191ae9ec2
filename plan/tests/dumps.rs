//! Dumps of earlier versions of `segbox observe` are still read, so that the plan for a saved state can be made again.

use segbox_plan::Actual;
use segbox_plan::route::{Encap, Hop, Route};

/// Routes have the fields of their single hop, and a filter's sources stand beside the filters, as guards.
const EARLIER: &str = r#"{"state": {
  "guards": [["2001:db8::1", null]],
  "routes": [
    [{"table": 254, "prefix": "10.0.0.0/8", "metric": 0}, {"interface": "eth0", "via": "192.0.2.7", "onlink": true}],
    [{"table": 100, "prefix": "::/0", "metric": 4278198272}, {"interface": null, "unreachable": true}],
    [{"table": 254, "prefix": "2001:db8:40::/64", "metric": 1024},
     {"interface": "segbox0", "encap": {"bpf-in": "push@00000002"}}]
  ]
}}"#;

#[test]
fn a_dump_of_an_earlier_version_is_read_and_written_anew() {
    let dump: Actual = serde_json::from_str(EARLIER).expect("it was a dump once");
    let hop = |interface: &str| Hop { interface: interface.parse().ok(), ..Hop::default() };
    let expected = [
        Route::from(Hop { via: "192.0.2.7".parse().ok(), onlink: true, ..hop("eth0") }),
        Route::from(Hop { encap: Encap::BpfIn("push@00000002".into()), ..hop("segbox0") }),
        Route::unreachable(),
    ];
    let found: Vec<Route> = dump.state.routes.values().cloned().collect();
    assert!(found.len() == expected.len() && expected.iter().all(|route| found.contains(route)), "{found:?}");
    let now = serde_json::to_value(&dump).expect("a dump is JSON");
    let routes = serde_json::json!([
        [{"table": 100, "prefix": "::/0", "metric": 4_278_198_272_u32}, {"hops": [], "unreachable": true}],
        [
            {"table": 254, "prefix": "10.0.0.0/8", "metric": 0},
            {"hops": [{"interface": "eth0", "via": "192.0.2.7", "onlink": true}]},
        ],
        [
            {"table": 254, "prefix": "2001:db8:40::/64", "metric": 1024},
            {"hops": [{"interface": "segbox0", "encap": {"bpf-in": "push@00000002"}}]},
        ],
    ]);
    assert_eq!(now["state"]["routes"], routes);
}
