//! What a Config asks of the kernel, spelled out: every setting, route and program, defaults filled in. Not here: what is there already, and
//! the sysctls (`forwarding`).

use std::collections::{BTreeMap, BTreeSet};

use ipnet::IpNet;
use segbox_config::model::{FAST_PATH_PROGRAM, HOP_LIMIT_PROGRAM, Interface, LocalSid};
use segbox_config::{Behavior, Config, Feature, IfName, Kernel};

use crate::adjacent::adjacent_dx4;
use crate::anchored::{anchor, hanging};
use crate::base::Base;
use crate::bonds;
use crate::egress::{ANCHOR_MTU, Egress};
use crate::fast_path;
use crate::filter::{self, Filter, FilterName, OnBox};
use crate::forwarding::{forwarding, forwarding_since, goes_with_ipv6};
use crate::hop::{Encap, Hop};
use crate::hop_limit;
use crate::identity::{program_name, secret_digest};
use crate::isolation::{BEFORE_STEERING, BEFORE_VRFS, isolation, locator};
use crate::link_local;
use crate::materials::{Materials, Secret};
use crate::policies::Policies;
use crate::route::{Route, RouteKey};
use crate::sharing::{Ask, Asked, share};
use crate::source_address::on_loopback;
use crate::spread::Spread;
use crate::state::{Actual, AddressKey, Bytes, HmacKey, Link, MAIN_TABLE, NeighborKey, RowKey, Setting, State};
use crate::steering::Steering;
use crate::tune::{Refusals, Tuning, Wish, tune};
use crate::underlay::Underlay;
use crate::vlans;

/// What beside the file decides what the kernel is asked for.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// The state that was found.
    pub actual: &'a Actual,
    /// Settings as they were before segbox first changed them: what the file no longer asks for goes back to these.
    pub base: &'a Base,
    /// The kernel.
    pub kernel: &'a Kernel,
    /// Whether this is the box's own network namespace: its hostname is then segbox's to set.
    pub own_box: bool,
    /// How the box is tuned; None: its hardware is not touched.
    pub tuning: Option<Tuning<'a>>,
}

/// A desired state, and the bulk that its names stand for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Desired {
    /// What should be.
    pub state: State,
    /// Objects and secrets.
    pub materials: Materials,
    /// Settings that the file does not ask for (any more): they go back to what they were before segbox.
    pub returned: BTreeSet<Setting>,
    /// Every knob of the profile, those too that are not asked for.
    pub wishes: Vec<Wish>,
    /// An interface gets its former name back, but only after its other settings: a round later.
    pub names_wait: bool,
    /// Hops of routes wait for what is done to their ports: a round later.
    pub hops_wait: bool,
}

impl Desired {
    /// The same, but everything except tuning stays as it is.
    pub fn tuning_alone(mut self, actual: &Actual) -> Self {
        self.state.settings.retain(|setting, _| setting.is_tuning());
        self.state = State { settings: self.state.settings, ..actual.state.clone() };
        self.names_wait = false;
        self.hops_wait = false;
        self
    }
}

/// What `config` asks for.
pub fn desired(config: &Config, context: Context<'_>) -> Desired {
    let mut out = Desired::default();
    let names = programs(config, &mut out);
    hmac_keys(config, &mut out);
    let state = &mut out.state;
    system(config, context, state);
    links(config, context, state);
    bonds::ask(config, state);
    vlans::ask(config, context.actual, context.base, state);
    forwarding(config, context.actual, context.base, state);
    for (interface, settings) in &config.interfaces {
        for address in &settings.addresses {
            let key = AddressKey { interface: *interface, address: *address };
            // An address that another made is there already, and stays theirs.
            if !context.actual.foreign_addresses.contains_key(&key) {
                state.addresses.insert(key, ());
            }
        }
    }
    state.addresses.extend(on_loopback(config, context.actual).into_iter().map(|key| (key, ())));
    state.addresses.extend(link_local::lost(config, context.actual).into_iter().map(|key| (key, ())));
    for neighbor in &config.neighbors {
        let key = NeighborKey { interface: neighbor.interface, address: neighbor.address };
        state.neighbors.insert(key, neighbor.mac);
    }
    let steering = Steering::new(config, context.actual);
    out.hops_wait = routes(config, context, &names, &steering, state);
    if let Some(program) = names.get(HOP_LIMIT_PROGRAM) {
        hop_limit::attach(config, context.actual, program, state);
    }
    let before_vrfs = if steering.is_in_vrfs() { BEFORE_STEERING } else { BEFORE_VRFS };
    isolation(config, context.kernel, before_vrfs, state);
    state.rules.extend(steering.rules().map(|rule| (rule, ())));
    locator(config, state);
    let filters = filters(config, context, state);
    state.filters.extend(filters);
    if let Some(program) = config.programs.get(FAST_PATH_PROGRAM) {
        fast_path::ask(config, context.actual, program, &mut out.state, &mut out.materials);
    }
    if let Some(tuning) = context.tuning.filter(|_| context.own_box) {
        out.wishes = tune(tuning, context.actual, &mut out.state);
    }
    let none = Refusals::default();
    let refused = context.tuning.map_or(&none, |tuning| tuning.refused);
    go_back(context.actual, context.base, refused, &mut out);
    out
}

/// A router without segbox: nothing that segbox made, every setting as it was found.
pub fn nothing(actual: &Actual, base: &Base, refused: &Refusals) -> Desired {
    let mut out = Desired::default();
    go_back(actual, base, refused, &mut out);
    out
}

/// Settings that a state does not ask for go back to what they were before segbox.
///
/// The base knows an interface's settings under the name that the file gave it, so its former name comes back after all of them.
fn go_back(actual: &Actual, base: &Base, refused: &Refusals, out: &mut Desired) {
    let state = &mut out.state;
    let is_name = |setting: &Setting| matches!(setting, Setting::LinkName(_));
    let keeps_name =
        |setting: &Setting, name: &String| is_name(setting) && !may_go_back(setting, name, base, actual, state);
    let returned: BTreeMap<_, _> = base
        .iter()
        .filter(|(setting, value)| !state.settings.contains_key(*setting) && !keeps_name(setting, value))
        .filter(|(setting, _)| !state.is_of_bond(setting))
        .collect();
    // What is gone (an unplugged interface) cannot be put back.
    let differs = |setting: &Setting, value: &String| actual.setting(setting).is_some_and(|found| found != *value);
    let goes_down = |name: IfName| base.get(&Setting::LinkUp(name)).is_some_and(|state| state == "down");
    let by_itself = |setting: &Setting| {
        setting.follows_others() || setting.goes_with_link().is_some_and(goes_down) || goes_with_ipv6(setting, base)
    };
    // A knob that its driver does not turn back stays, and nothing waits for it.
    let stays = |setting: &Setting, value: &String| by_itself(setting) || refused.answer(setting, value).is_some();
    let names_wait =
        returned.iter().any(|(setting, value)| !is_name(setting) && !stays(setting, value) && differs(setting, value));
    let since = forwarding_since(actual, base, |all, _| returned.contains_key(all));
    for (setting, value) in &returned {
        if actual.setting(setting).is_some() && !(names_wait && is_name(setting)) && !stays(setting, value) {
            state.settings.insert((*setting).clone(), (*value).clone());
        }
    }
    for (setting, value) in since {
        state.settings.entry(setting).or_insert(value);
    }
    out.names_wait = names_wait && returned.keys().any(|setting| is_name(setting));
    out.returned = returned.into_keys().cloned().collect();
}

/// Whether an interface can have its former name: the file names neither it nor another one so, and no other program has.
fn may_go_back(setting: &Setting, name: &str, base: &Base, actual: &Actual, state: &State) -> bool {
    let Setting::LinkName(matcher) = setting else { return true };
    let Some(link) = actual.link_with(matcher) else { return true };
    let asks_for = |name: IfName| {
        state.settings.contains_key(&Setting::LinkUp(name))
            || state.settings.contains_key(&Setting::LinkMaster(name))
            || state.routes.values().any(|route| route.hops.iter().any(|hop| hop.interface == Some(name)))
    };
    let wanted = name.parse().is_ok_and(asks_for) || asks_for(link.name);
    !wanted && !actual.is_named(link.name, &state.settings) && actual.can_get_name(setting, name, base)
}

/// Programs and their rows; gives the loaded name of each `[program.NAME]`.
fn programs(config: &Config, out: &mut Desired) -> BTreeMap<String, String> {
    let mut names = BTreeMap::new();
    for (table, program) in &config.programs {
        let is_needless = table == HOP_LIMIT_PROGRAM && !hop_limit::encapsulates(config);
        // Its globals follow from the filters.
        if is_needless || table == FAST_PATH_PROGRAM {
            continue;
        }
        let program = hop_limit::with_source(config, table, program);
        let name = program_name(table, &program);
        for (map, rows) in &program.rows {
            for (key, value) in rows {
                let row = RowKey { program: name.clone(), map: map.clone(), key: Bytes(key.clone()) };
                out.state.rows.insert(row, Bytes(value.clone()));
            }
        }
        out.state.programs.insert(name.clone(), program.hook);
        out.materials.programs.insert(name.clone(), program.clone());
        names.insert(table.clone(), name);
    }
    names
}

fn hmac_keys(config: &Config, out: &mut Desired) {
    for (id, key) in &config.hmac_keys {
        let digest = secret_digest(&key.secret);
        out.state.hmac_keys.insert(*id, HmacKey { algorithm: key.algorithm, digest: digest.clone() });
        out.materials.secrets.insert(digest, Secret(key.secret.clone()));
    }
}

/// The hostname, the encapsulation source.
fn system(config: &Config, context: Context<'_>, state: &mut State) {
    if let Some(hostname) = config.system.hostname.as_ref().filter(|_| context.own_box) {
        state.settings.insert(Setting::Hostname, hostname.clone());
    }
    if let Some(source) = config.encap_source {
        state.settings.insert(Setting::EncapSource, source.to_string());
    }
}

/// Devices of our own, and what is set on every interface of the file.
fn links(config: &Config, context: Context<'_>, state: &mut State) {
    let up = || "up".to_owned();
    state.settings.insert(Setting::LinkUp("lo".parse().expect("a name")), up());
    for (vrf, settings) in &config.vrfs {
        state.links.insert(*vrf, Link::Vrf(settings.table));
        for member in &settings.interfaces {
            state.settings.insert(Setting::LinkMaster(*member), vrf.to_string());
        }
    }
    if config.sids.len() + config.policies.len() > 0 {
        let kind = if context.kernel.has(&Feature::DUMMY) { Link::Dummy } else { Link::Ifb };
        state.links.insert(anchor(), kind);
        state.settings.insert(Setting::LinkMtu(anchor()), ANCHOR_MTU.to_string());
    }
    // They are made up. Another program may have taken one down since, with all of its routes.
    for device in state.links.keys() {
        let is_up = Setting::LinkUp(*device);
        if context.actual.setting(&is_up).is_some() {
            state.settings.insert(is_up, up());
        }
    }
    for (interface, settings) in &config.interfaces {
        let mut set = |setting, value: String| state.settings.insert(setting, value);
        if let Some(matcher) = &settings.matches {
            set(Setting::LinkName(matcher.clone()), interface.to_string());
        }
        set(Setting::LinkUp(*interface), up());
        if let Some(mtu) = settings.mtu {
            set(Setting::LinkMtu(*interface), mtu.to_string());
        }
    }
}

/// True if hops wait.
fn routes(
    config: &Config,
    context: Context<'_>,
    programs: &BTreeMap<String, String>,
    steering: &Steering,
    state: &mut State,
) -> bool {
    let loaded = |table: &String| programs.get(table).expect("a Config names only programs it has").clone();
    let spread = Spread::new(config, context.actual, state);
    let mut asked = Asked::default();
    for route in &config.routes {
        let key = RouteKey::of(route.table, route.destination, route.metric);
        if let Some(drops) = route.drops {
            state.routes.insert(key, Route::dropping(drops));
            continue;
        }
        let hops = if route.hops.is_empty() {
            Hop { interface: route.interface, via: route.via, ..Hop::default() }.into()
        } else {
            let ask = Ask::Hops(route.table, route.destination.addr().is_ipv4(), &route.hops);
            asked.hops(ask, 1, || spread.hops(route))
        };
        // Without a hop the kernel has no such route either.
        if !hops.is_empty() {
            state.routes.insert(key, Route { hops, ..Route::default() });
        }
    }
    for route in adjacent_dx4(config, context.actual) {
        state.routes.entry(route.0).or_insert(route.1);
    }
    for LocalSid { sid, endpoint } in &config.sids {
        let mut endpoint = endpoint.clone();
        if let Behavior::EndBpf { program } = &mut endpoint.behavior {
            *program = loaded(program);
        }
        let body = hanging(None, None, Encap::Seg6Local(Box::new(endpoint)));
        state.routes.insert(RouteKey::of(MAIN_TABLE, IpNet::V6(*sid), None), body);
    }
    let mut underlay = Underlay::new(context.kernel.has(&Feature::POLICY_TABLE));
    let leads = |route: &&segbox_config::model::Route| {
        !config.policies.is_empty() && route.table == MAIN_TABLE && route.hops.len() > 1
    };
    let with_hops = config.routes.iter().filter(leads);
    let several = with_hops.map(|route| (RouteKey::of(route.table, route.destination, route.metric), route)).collect();
    let egress = Egress::new(state, context.actual);
    let on = Policies { config, steering, egress, spread: &spread, programs, several };
    let mut policies = on.routes(&mut asked, &mut underlay);
    // Built at once from a list: its nodes are full then, where a million single insertions leave them half empty.
    policies.splice(0..0, std::mem::take(&mut state.routes));
    state.routes = policies.into_iter().collect();
    underlay.ask(&mut asked, state);
    share(asked, context.actual, state);
    spread.waits()
}

/// The filters. A link's MTU is the file's, else what it goes back to, else what it has.
fn filters(config: &Config, context: Context<'_>, state: &State) -> BTreeMap<FilterName, Filter> {
    let is_made = |name: IfName| config.interfaces.get(&name).is_some_and(Interface::is_made);
    let found = |name| {
        let key = Setting::LinkMtu(name);
        context.base.get(&key).cloned().or_else(|| context.actual.setting(&key))
    };
    // A VLAN has its parent's from the beginning.
    let wanted = |name| state.settings.get(&Setting::LinkMtu(name)).filter(|_| is_made(name)).cloned();
    let mtu = |name: IfName| match config.interfaces.get(&name).and_then(|port| port.mtu) {
        Some(mtu) => Some(mtu),
        None => wanted(name).or_else(|| found(name)).and_then(|mtu| mtu.parse().ok()),
    };
    let is_device = |name: &IfName| *name == anchor() || config.vrfs.contains_key(name) || state.is_member(*name);
    let is_port = |name: &IfName| name.as_str() != "lo" && !is_device(name);
    let made = config.interfaces.keys().copied().filter(|name| is_made(*name));
    let ports = context.actual.links.iter().map(|link| link.name).chain(made).filter(is_port);
    let smallest_mtu = ports.filter_map(mtu).min();
    filter::wanted(config, OnBox { kernel: context.kernel, routes: &state.routes, mtu: &mtu, smallest_mtu })
}
