//! Connections, counted before any work is done for them.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;

use super::{Cause, Counts, Networks, Source};

/// How many at once.
#[derive(Clone, Copy, Debug)]
pub struct GateLimits {
    /// Connections of all sources.
    pub connections: usize,
    /// Connections of one source.
    pub connections_per_source: usize,
    /// Unfinished TLS handshakes of all sources.
    pub handshakes: usize,
    /// Unfinished TLS handshakes of one source.
    pub handshakes_per_source: usize,
}

/// Counts connections and unfinished handshakes. Those of exempt networks count among all, but have no limit of
/// their own.
#[derive(Debug)]
pub struct Gate {
    limits: GateLimits,
    exempt: Arc<Networks>,
    open: AtomicUsize,
    handshakes: AtomicUsize,
    held: Mutex<HashMap<Source, Held>>,
    counts: Arc<Counts>,
}

/// What one source has at the moment; sources with nothing are not kept.
#[derive(Clone, Copy, Debug, Default)]
struct Held {
    connections: usize,
    handshakes: usize,
}

/// A place for one connection, given back on drop.
#[derive(Debug)]
pub struct Ticket {
    gate: Arc<Gate>,
    source: Option<Source>,
    is_handshaking: bool,
}

impl Gate {
    /// Makes a gate.
    #[must_use]
    pub fn new(limits: GateLimits, exempt: Arc<Networks>, counts: Arc<Counts>) -> Self {
        Self {
            limits,
            exempt,
            open: AtomicUsize::new(0),
            handshakes: AtomicUsize::new(0),
            held: Mutex::default(),
            counts,
        }
    }

    /// Lets a new connection in, for its handshake first; nothing if there are too many already.
    pub fn enter(self: &Arc<Self>, address: IpAddr) -> Option<Ticket> {
        let source = Source::from(address);
        match self.try_enter(source, self.exempt.contain(address)) {
            Ok(source) => Some(Ticket { gate: Arc::clone(self), source, is_handshaking: true }),
            Err(cause) => {
                self.counts.refused(cause, Some(source));
                None
            }
        }
    }

    /// Connections that are open.
    #[must_use]
    pub fn open(&self) -> usize {
        self.open.load(Ordering::Relaxed)
    }

    /// Handshakes that are not finished.
    #[must_use]
    pub fn handshakes(&self) -> usize {
        self.handshakes.load(Ordering::Relaxed)
    }

    /// Whether so many are open that idle ones should make room.
    #[must_use]
    pub fn is_crowded(&self) -> bool {
        self.open() > self.limits.connections / 4 * 3
    }

    fn try_enter(&self, source: Source, is_exempt: bool) -> Result<Option<Source>, Cause> {
        take(&self.open, self.limits.connections).ok_or(Cause::Connections)?;
        let open = Undo(&self.open);
        take(&self.handshakes, self.limits.handshakes).ok_or(Cause::Handshakes)?;
        let handshakes = Undo(&self.handshakes);
        if !is_exempt {
            let mut held = self.held.lock();
            let mine = held.get(&source).copied().unwrap_or_default();
            if mine.connections >= self.limits.connections_per_source {
                return Err(Cause::SourceConnections);
            }
            if mine.handshakes >= self.limits.handshakes_per_source {
                return Err(Cause::SourceHandshakes);
            }
            held.insert(source, Held { connections: mine.connections + 1, handshakes: mine.handshakes + 1 });
        }
        std::mem::forget((open, handshakes));
        Ok((!is_exempt).then_some(source))
    }
}

/// Takes a count back unless it is forgotten.
struct Undo<'a>(&'a AtomicUsize);

impl Drop for Undo<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

fn take(count: &AtomicUsize, limit: usize) -> Option<usize> {
    let more = |count: usize| (count < limit).then_some(count + 1);
    count.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).ok()
}

impl Ticket {
    /// Notes that the handshake is finished.
    pub fn established(&mut self) {
        if std::mem::take(&mut self.is_handshaking) {
            self.gate.handshakes.fetch_sub(1, Ordering::Relaxed);
            if let Some(source) = self.source
                && let Some(held) = self.gate.held.lock().get_mut(&source)
            {
                held.handshakes = held.handshakes.saturating_sub(1);
            }
        }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.established();
        self.gate.open.fetch_sub(1, Ordering::Relaxed);
        let Some(source) = self.source else { return };
        let mut held = self.gate.held.lock();
        if let Some(mine) = held.get_mut(&source) {
            mine.connections = mine.connections.saturating_sub(1);
            if mine.connections == 0 {
                held.remove(&source);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;
    use std::sync::Arc;

    use super::{Cause, Gate, GateLimits, Networks, Ticket};

    fn gate(limits: [usize; 4]) -> Arc<Gate> {
        let [connections, connections_per_source, handshakes, handshakes_per_source] = limits;
        let limits = GateLimits { connections, connections_per_source, handshakes, handshakes_per_source };
        Arc::new(Gate::new(limits, Arc::new(Networks::loopback()), Arc::default()))
    }

    fn enter(gate: &Arc<Gate>, last: u8, times: usize) -> Vec<Ticket> {
        let entered = (0..times).filter_map(|_| gate.enter(IpAddr::from([10, 0, 0, last])));
        entered
            .map(|mut ticket| {
                ticket.established();
                ticket
            })
            .collect()
    }

    #[test]
    fn one_source_leaves_room_for_others() {
        let gate = gate([10, 4, 10, 10]);
        let first = enter(&gate, 1, 20);
        assert_eq!((first.len(), gate.open(), gate.handshakes()), (4, 4, 0));
        assert_eq!(enter(&gate, 2, 3).len(), 3);
        assert_eq!(gate.counts.refusals(Cause::SourceConnections), 16);
        drop(first);
        assert_eq!((gate.open(), gate.held.lock().len()), (0, 0));
        assert_eq!(enter(&gate, 1, 20).len(), 4);
    }

    #[test]
    fn all_sources_together_have_a_limit() {
        let gate = gate([10, 4, 10, 10]);
        let held: Vec<Ticket> = (1..9).flat_map(|last| enter(&gate, last, 4)).collect();
        assert_eq!((held.len(), gate.open()), (10, 10));
        assert!(gate.is_crowded());
        assert_eq!(gate.counts.refusals(Cause::Connections), 22);
    }

    #[test]
    fn unfinished_handshakes_are_limited_apart() {
        let gate = gate([100, 100, 5, 3]);
        let from = |last: u8| gate.enter(IpAddr::from([10, 0, 0, last]));
        let mut first: Vec<Ticket> = (0..10).filter_map(|_| from(1)).collect();
        let second: Vec<Ticket> = (0..10).filter_map(|_| from(2)).collect();
        assert_eq!((first.len(), second.len(), gate.handshakes()), (3, 2, 5));
        first.iter_mut().for_each(Ticket::established);
        assert_eq!(gate.handshakes(), 2);
        assert_eq!((0..10).filter_map(|_| from(2)).count(), 10);
        assert_eq!(gate.open(), 5);
    }

    #[test]
    fn exempt_networks_count_among_all_only() {
        let gate = gate([10, 1, 10, 1]);
        let local: Vec<Ticket> = (0..20).filter_map(|_| gate.enter(IpAddr::from([127, 0, 0, 1]))).collect();
        assert_eq!(local.len(), 10);
        assert!(gate.held.lock().is_empty());
    }
}
