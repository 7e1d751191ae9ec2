//! Applies steps: each becomes a request or a write to a file, and gets one result. Routes, rules, addresses and neighbours are sent in
//! batches, all other steps one by one. Not here: which steps, or their order; how a setting is set (settings).

use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::os::fd::RawFd;

use netlink_packet_core::{NLM_F_CREATE, NLM_F_EXCL, NLM_F_REPLACE};
use rustix::io::Errno;
use segbox_config::IfName;
use segbox_plan::filter::{Filter, FilterName};
use segbox_plan::route::RouteKey;
use segbox_plan::state::{HmacKey, Link};
use segbox_plan::{Delta, Materials, Step, Verb};

use super::batch::{self, Undone};
use super::encap::srh::SegmentsError;
use super::encap::{EncapError, Lookup};
use super::error::StepError;
use super::keeping::Kept;
use super::links::Links;
use super::next_hop::HopError;
use super::reply::TalkError;
use super::socket::{Raw, append};
use super::{Netlink, Programs, address, bond, device, keeping, members, nexthop, route, rule, uapi};

/// Finds what the names in a step stand for.
struct Names<'a> {
    links: &'a Links,
    programs: Programs<'a>,
}

impl Lookup for Names<'_> {
    fn index(&self, interface: IfName) -> Option<u32> {
        self.links.index(interface)
    }

    fn program(&self, name: &str) -> Option<RawFd> {
        (self.programs)(name)
    }
}

/// Whether a step is one request that depends on no other step.
fn is_one_request(step: &Step) -> bool {
    matches!(step, Step::Route(_) | Step::Nexthop(_) | Step::Rule(_) | Step::Address(_) | Step::Neighbor(_))
}

impl Netlink {
    pub(super) fn apply_all(
        &mut self,
        steps: &[&Step],
        programs: Programs<'_>,
        materials: &Materials,
    ) -> Vec<Result<(), StepError>> {
        let mut results = Vec::new();
        let mut links = None;
        for run in steps.chunk_by(|one, next| is_one_request(one) && is_one_request(next)) {
            if is_one_request(run[0]) {
                let others = self.at_risk(run);
                // Mostly all steps are one run: its results are not copied.
                let done = self.apply_batch(run, programs);
                if results.is_empty() {
                    results = done
                } else {
                    results.extend(done)
                }
                keeping::put_back(self.first(), &others);
            } else {
                results.push(self.apply_one(run[0], materials, &mut links));
            }
        }
        results
    }

    /// What others have that the kernel may remove along with addresses that these steps remove.
    fn at_risk(&mut self, steps: &[&Step]) -> Kept {
        let removed = steps.iter().filter_map(|step| match step {
            Step::Address(Delta { key, after: None, .. }) if key.address.addr().is_ipv4() => Some(key.interface),
            _ => None,
        });
        let ports: BTreeSet<IfName> = removed.collect();
        if ports.is_empty() {
            return Kept::default();
        }
        let links = Links::read(self.first()).unwrap_or_default();
        let links = ports.into_iter().filter_map(|port| links.index(port)).collect();
        keeping::of_ipv4(self.first(), &links)
    }

    /// Applies steps of one request each. A route may need another one of the batch (its gateway lies behind it): such steps are tried
    /// again as long as each round completes at least one more.
    fn apply_batch(&mut self, steps: &[&Step], programs: Programs<'_>) -> Vec<Result<(), StepError>> {
        let links = match Links::read(self.first()) {
            Ok(links) => links,
            Err(error) => return steps.iter().map(|_| Err(StepError::Links(error.same()))).collect(),
        };
        let names = Names { links: &links, programs };
        let mut results: Vec<Result<(), StepError>> = steps.iter().map(|_| Ok(())).collect();
        let mut open: Vec<usize> = (0..steps.len()).collect();
        loop {
            let make =
                |at: usize, sequence: u32, buffer: &mut Vec<u8>| encode(steps[open[at]], &names, sequence, buffer);
            let undone = batch::write(&mut self.route, open.len(), &make);
            let progress = undone.len() < open.len();
            let mut waiting = Vec::new();
            for (at, trouble) in undone {
                let index = open[at];
                results[index] = judge(steps[index], trouble);
                if results[index].as_ref().is_err_and(waits_for_another) {
                    waiting.push(index);
                }
            }
            if waiting.is_empty() || !progress {
                break;
            }
            for index in &waiting {
                results[*index] = Ok(());
            }
            waiting.sort_unstable();
            open = waiting;
        }
        self.name_makers(&mut results);
        results
    }

    /// Adds to each EEXIST of a route which program made the route that is there.
    fn name_makers(&mut self, results: &mut [Result<(), StepError>]) {
        let in_the_way = |source: &TalkError| source.errno() == Some(Errno::EXIST.raw_os_error());
        let keys: BTreeSet<RouteKey> = results
            .iter()
            .filter_map(|result| match result {
                Err(StepError::Route { key, source, .. }) if in_the_way(source) => Some(*key),
                _ => None,
            })
            .collect();
        if keys.is_empty() {
            return;
        }
        let mut makers = route::makers(self.first(), &keys);
        for result in results {
            if let Err(StepError::Route { key, maker, source, .. }) = result
                && in_the_way(source)
            {
                *maker = makers.remove(key);
            }
        }
    }

    /// `links` are the links as the last step read them; None where that step added or removed some.
    fn apply_one(&mut self, step: &Step, materials: &Materials, links: &mut Option<Links>) -> Result<(), StepError> {
        match step {
            Step::Setting(Delta { key, after: Some(value), .. }) => match self.set(key, value, links) {
                // A port of others went away, and needs nothing kept.
                Err(StepError::Sysctl { source, .. }) if step.stays() && source.kind() == ErrorKind::NotFound => Ok(()),
                result => result,
            },
            // A setting always has a value: it cannot be removed.
            Step::Setting(Delta { after: None, .. }) => Ok(()),
            Step::Link(delta) => self.apply_link(step.verb(), delta, links),
            Step::HmacKey(delta) => self.apply_key(step.verb(), delta, materials),
            Step::Program(_) | Step::Row(_) | Step::Attachment(_) | Step::Xdp(_) => Err(StepError::NotNetlink),
            Step::Filter(delta) => self.apply_filter(step.verb(), delta),
            Step::Route(_) | Step::Nexthop(_) | Step::Rule(_) | Step::Address(_) | Step::Neighbor(_) => {
                self.apply_batch(&[step], &|_| None).pop().unwrap_or(Ok(()))
            }
        }
    }

    /// The links; reads them where they are not known.
    pub(super) fn known<'a>(&mut self, links: &'a mut Option<Links>) -> Result<&'a Links, StepError> {
        let known = match links.take() {
            Some(known) => known,
            None => Links::read(self.first()).map_err(StepError::Links)?,
        };
        Ok(links.insert(known))
    }

    fn apply_link(
        &mut self,
        verb: Verb,
        delta: &Delta<IfName, Link>,
        links: &mut Option<Links>,
    ) -> Result<(), StepError> {
        // This step adds or removes links, so what is known of them is no longer right.
        *links = None;
        let name = delta.key;
        let failed = |source| StepError::Device { verb, name, source };
        // The kernel cannot change other devices than bonds in place (its vrf, dummy and ifb have no changelink).
        if delta.before.is_some() {
            let links = Links::read(self.first()).map_err(StepError::Links)?;
            // Another program may have replaced the device meanwhile: that one stays.
            if let Some(own) = links.named(name).filter(|link| link.own.is_some()) {
                if let (Some(found), Some(after)) = (own.own.and_then(Link::bond), delta.after.and_then(Link::bond))
                    && found.changes_in_place(after)
                {
                    return bond::change(self.first(), own.index, after).map_err(failed);
                }
                members::release(self.first(), &links, own.index).map_err(failed)?;
                device::remove(self.first(), own.index).map_err(failed)?;
            }
        }
        match delta.after {
            Some(link) => {
                if link.bond().is_some() {
                    members::load(self.first()).map_err(failed)?;
                }
                let parent = match link.vlan() {
                    Some(vlan) => {
                        let known = Links::read(self.first()).map_err(StepError::Links)?;
                        known.index(vlan.parent).ok_or(StepError::NoInterface { name: vlan.parent })?
                    }
                    None => 0,
                };
                device::make(self.first(), name, link, parent).map_err(failed)
            }
            None => Ok(()),
        }
    }

    fn apply_key(&mut self, verb: Verb, delta: &Delta<u32, HmacKey>, materials: &Materials) -> Result<(), StepError> {
        let id = delta.key;
        let result = match &delta.after {
            Some(key) => {
                let secret = materials.secrets.get(&key.digest).ok_or(StepError::NoSecret { id })?;
                self.seg6.put_key(id, key.algorithm, secret)
            }
            None => self.seg6.remove_key(id).or_else(|error| if is_gone(&error) { Ok(()) } else { Err(error) }),
        };
        result.map_err(|source| StepError::HmacKey { verb, id, source })
    }
}

impl Netlink {
    fn apply_filter(&mut self, verb: Verb, delta: &Delta<FilterName, Filter>) -> Result<(), StepError> {
        let name = delta.key;
        let result = match &delta.after {
            Some(filter) => self.tables.put(name, filter),
            None => self.tables.remove(name).or_else(|error| if is_gone(&error) { Ok(()) } else { Err(error) }),
        };
        result.map_err(|source| StepError::Filter { verb, name, source })
    }
}

/// Appends the request of a step.
fn encode(step: &Step, names: &Names<'_>, sequence: u32, buffer: &mut Vec<u8>) -> Result<(), StepError> {
    let index = |name| names.links.index(name).ok_or(StepError::NoInterface { name });
    // EXCL: adding fails where another program's is there already. REPLACE: a change is atomic, so no packet is lost.
    let flags = match step.verb() {
        Verb::Add => NLM_F_CREATE | NLM_F_EXCL,
        Verb::Change => NLM_F_CREATE | NLM_F_REPLACE,
        Verb::Remove => 0,
    };
    match step {
        Step::Route(Delta { key, after: Some(route), .. }) => {
            let message = route::put(key, route, names).map_err(|error| unmade(*key, error))?;
            // Without EXCL the kernel puts it before another program's of the same key (net/ipv4/fib_trie.c, fib_table_insert), which stays.
            let flags = if route.is_neighbour(key) { flags & !NLM_F_EXCL } else { flags };
            append(buffer, libc::RTM_NEWROUTE, flags, sequence, &message);
        }
        Step::Route(Delta { key, after: None, .. }) => {
            append(buffer, libc::RTM_DELROUTE, flags, sequence, &route::remove(key));
        }
        Step::Nexthop(Delta { key, after: Some(nexthop), .. }) => {
            let body = nexthop::put(*key, nexthop, names).map_err(|error| unwritten(*key, error))?;
            append(buffer, uapi::RTM_NEWNEXTHOP, flags, sequence, &Raw(&body));
        }
        Step::Nexthop(Delta { key, after: None, .. }) => {
            append(buffer, uapi::RTM_DELNEXTHOP, flags, sequence, &Raw(&nexthop::remove(*key)));
        }
        Step::Rule(Delta { key, after, .. }) => {
            let kind = if after.is_some() { libc::RTM_NEWRULE } else { libc::RTM_DELRULE };
            append(buffer, kind, flags, sequence, &rule::message(key));
        }
        Step::Address(Delta { key, after, .. }) => {
            let kind = if after.is_some() { libc::RTM_NEWADDR } else { libc::RTM_DELADDR };
            append(buffer, kind, flags, sequence, &address::address(index(key.interface)?, key.address));
        }
        Step::Neighbor(Delta { key, after, .. }) => {
            let (kind, flags) = match after {
                // Replaces a neighbour that the kernel learned meanwhile.
                Some(_) => (libc::RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE),
                None => (libc::RTM_DELNEIGH, 0),
            };
            append(buffer, kind, flags, sequence, &address::neighbor(index(key.interface)?, key.address, *after));
        }
        Step::Setting(_)
        | Step::Link(_)
        | Step::HmacKey(_)
        | Step::Program(_)
        | Step::Row(_)
        | Step::Attachment(_)
        | Step::Xdp(_)
        | Step::Filter(_) => {
            return Err(StepError::NotNetlink);
        }
    }
    Ok(())
}

/// Why there is no request for a route.
fn unmade(key: RouteKey, error: HopError) -> StepError {
    match error {
        HopError::Weight(weight) => StepError::Weight { key, weight },
        HopError::Encap(EncapError::NoInterface(name)) => StepError::NoInterface { name },
        HopError::Encap(EncapError::NoProgram(program)) => StepError::NoProgram { key, program },
        HopError::Encap(EncapError::Segments(SegmentsError { count, most })) => {
            StepError::Segments { key, count, most }
        }
    }
}

/// Why there is no request for a nexthop object.
fn unwritten(id: u32, error: HopError) -> StepError {
    let why = match error {
        HopError::Encap(EncapError::NoInterface(name)) => return StepError::NoInterface { name },
        HopError::Weight(weight) => format!("its weight is {weight}, and weights are 1 to 256"),
        HopError::Encap(EncapError::NoProgram(program)) => format!("program {program} is not loaded"),
        HopError::Encap(EncapError::Segments(SegmentsError { count, most })) => {
            format!("it has {count} segments, and an SRH holds 1 to {most}")
        }
    };
    StepError::NexthopUnmade { id, why }
}

/// The result of a step whose request failed.
fn judge(step: &Step, trouble: Undone<StepError>) -> Result<(), StepError> {
    let verb = step.verb();
    let source = match trouble {
        // The link is gone, and all that was on it.
        Undone::NotMade(StepError::NoInterface { .. }) if verb == Verb::Remove => return Ok(()),
        Undone::NotMade(error) => return Err(error),
        Undone::NotDone(error) if verb == Verb::Remove && is_gone(&error) => return Ok(()),
        Undone::NotDone(error) => error,
    };
    Err(match step {
        Step::Route(delta) => StepError::Route { verb, key: delta.key, maker: None, source },
        Step::Address(delta) => StepError::Address { verb, key: delta.key, source },
        Step::Neighbor(delta) => StepError::Neighbor { verb, key: delta.key, source },
        Step::Nexthop(delta) => StepError::Nexthop { verb, id: delta.key, source },
        Step::Rule(delta) => StepError::Rule { verb, rule: delta.key, source },
        Step::Setting(_)
        | Step::Link(_)
        | Step::HmacKey(_)
        | Step::Program(_)
        | Step::Row(_)
        | Step::Attachment(_)
        | Step::Xdp(_)
        | Step::Filter(_) => StepError::NotNetlink,
    })
}

/// Whether there was nothing to remove, which is what the step wants.
fn is_gone(error: &TalkError) -> bool {
    let gone = [Errno::NOENT, Errno::SRCH, Errno::NODEV, Errno::ADDRNOTAVAIL].map(Errno::raw_os_error);
    error.errno().is_some_and(|errno| gone.contains(&errno))
}

fn waits_for_another(error: &StepError) -> bool {
    let unreachable = [Errno::NETUNREACH, Errno::HOSTUNREACH].map(Errno::raw_os_error);
    matches!(error, StepError::Route { source, .. } if source.errno().is_some_and(|errno| unreachable.contains(&errno)))
}
