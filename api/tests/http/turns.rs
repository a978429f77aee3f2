//! Work that takes a while is done by few at a time, and its turn lasts as long as it does.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};

use fasti_core::domain::ids::Seq;
use fasti_core::ports::ExactRead;
use fasti_core::record::ExactRecord;
use fasti_core::store::{ExactReader, StoreError};
use serde_json::json;

use crate::client;
use crate::server::{Server, chain};

/// Readings at a time that the server allows.
const TURNS: usize = 4;

/// Holds back whoever reads exact records, while it is closed.
#[derive(Default)]
pub(crate) struct Gate {
    is_closed: Mutex<bool>,
    opened: Condvar,
    held: AtomicUsize,
}

impl Gate {
    fn close(&self) {
        *self.is_closed.lock().unwrap() = true;
    }

    fn open(&self) {
        *self.is_closed.lock().unwrap() = false;
        self.opened.notify_all();
    }

    fn pass(&self) {
        let is_closed = self.is_closed.lock().unwrap();
        if *is_closed {
            self.held.fetch_add(1, Ordering::SeqCst);
        }
        drop(self.opened.wait_while(is_closed, |closed| *closed).unwrap());
    }
}

/// Exact records behind a gate.
pub(crate) struct Gated(pub(crate) ExactReader, pub(crate) Arc<Gate>);

impl ExactRead for Gated {
    fn read_exact(
        &self,
        from: Seq,
        max_records: usize,
        max_bytes: usize,
    ) -> Result<Vec<ExactRecord>, StoreError> {
        self.1.pass();
        self.0.read_exact(from, max_records, max_bytes)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_turn_lasts_as_long_as_its_work_also_when_nobody_waits_for_it() {
    let server = Server::start().await;
    let run = server.started(&chain("b", &["a"])).await;
    server.run_next(0, None).await;
    let path = format!("/api/v1/runs/{run}/evidence");
    server.gate.close();
    // All turns are taken by work of people who hang up.
    for taken in 1..=TURNS {
        let asked = client::open(server.address, "GET", &path, &[], b"").await;
        while server.gate.held.load(Ordering::SeqCst) < taken {
            tokio::task::yield_now().await;
        }
        drop(asked);
    }
    let graph = json!({"tasks": [{"name": "a"}]});
    let (density, layout, past, present) = tokio::join!(
        server.get("/api/v1/events/density"),
        server.post("/api/v1/layout", &graph),
        server.get("/api/v1/runs?as_of=4"),
        server.get("/api/v1/runs"),
    );
    for reply in [density, layout, past] {
        let (status, code, _) = reply.problem();
        assert_eq!((status, code.as_str()), (503, "busy"));
    }
    assert_eq!(present.status, 200, "what is quick takes no turn");
    assert_eq!(server.gate.held.load(Ordering::SeqCst), TURNS);
    server.gate.open();
    for path in ["/api/v1/events/density", "/api/v1/runs?as_of=4", &path] {
        assert_eq!(server.get(path).await.status, 200, "{path}");
    }
    assert_eq!(server.post("/api/v1/layout", &graph).await.status, 200);
    server.stop().await;
}
