//! The way from an address to its handler. Filters route and extract, nothing else: no handler rejects, so
//! that warp never has to guess which refusal was meant.

use std::sync::Arc;

use fasti_core::domain::access::Principal;
use warp::Filter;
use warp::filters::BoxedFilter;
use warp::http::{HeaderMap, Method};
use warp::reply::Response;

use crate::body::Body;
use crate::call::{App, Call, Hangup};
use crate::dialects::{datature, native, rescale_htc, scale_v6};
use crate::errors::{Answer, Code, Problem};
use crate::logins::Peer;
use crate::page;
use crate::table::{Scope, Table};

/// Adds a route to the table and makes its filter, for the segments behind those of the scope:
/// `route!(scope, app, GET [id / "tasks"] => handler)`.
macro_rules! route {
    ($scope:expr, $app:expr, $method:ident [$($segment:tt) / *] => $handler:path) => {{
        use warp::Filter as _;
        $scope.add(stringify!($method), &[ $( $crate::routes::segment_text!($segment) ),* ]);
        warp::any()
            $( .and($crate::routes::segment!($segment)) )*
            .and(warp::path::end())
            .and($crate::routes::method!($method))
            .and($crate::routes::call($app))
            .then($handler)
            .map($crate::routes::answered)
            .boxed()
    }};
}

macro_rules! segment {
    ($text:literal) => {
        warp::path($text)
    };
    ($name:ident) => {
        warp::path::param::<String>()
    };
}

macro_rules! segment_text {
    ($text:literal) => {
        $text
    };
    ($name:ident) => {
        concat!("{", stringify!($name), "}")
    };
}

macro_rules! method {
    (GET) => {
        warp::get()
    };
    (POST) => {
        warp::post()
    };
    (PUT) => {
        warp::put()
    };
    (PATCH) => {
        warp::patch()
    };
    (DELETE) => {
        warp::delete()
    };
    (PATCH) => {
        warp::patch()
    };
    (HEAD) => {
        warp::head()
    };
}

pub(crate) use {method, route, segment, segment_text};

/// A filter that leads to handlers.
pub(crate) type Routes = BoxedFilter<(Answered,)>;

/// Tries one after the other.
pub(crate) fn any_of<const N: usize>(routes: [Routes; N]) -> Routes {
    let nothing = warp::any().and_then(|| async { Err::<Answered, _>(warp::reject::not_found()) });
    routes
        .into_iter()
        .reduce(|all, one| all.or(one).unify().boxed())
        .unwrap_or_else(|| nothing.boxed())
}

/// What a handler gives back, with the trace id that a refusal quotes.
pub(crate) struct Answered(Answer);

/// Wraps what a handler gave back.
pub(crate) fn answered(answer: Answer) -> Answered {
    Answered(answer)
}

impl warp::Reply for Answered {
    fn into_response(self) -> Response {
        let mut response = Response::default();
        match self.0 {
            Ok(answer) => answer,
            Err(problem) => {
                response.extensions_mut().insert(problem);
                response
            }
        }
    }
}

/// Takes up everything of a request but its path.
pub(crate) fn call(
    app: &Arc<App>,
) -> impl Filter<Extract = (Call,), Error = warp::Rejection> + Clone + use<> {
    let app = app.clone();
    warp::ext::optional::<Principal>()
        .and(warp::ext::optional::<Hangup>())
        .and(warp::ext::optional::<Peer>())
        .and(warp::method())
        .and(warp::path::full())
        .and(warp::query::raw().or(warp::any().map(String::new)).unify())
        .and(warp::header::headers_cloned())
        .and(warp::body::stream())
        .map(
            move |principal: Option<Principal>,
                  hangup: Option<Hangup>,
                  peer,
                  method: Method,
                  path: warp::path::FullPath,
                  query,
                  headers: HeaderMap,
                  body| Call {
                app: app.clone(),
                // Open routes say nothing that depends on who asks.
                principal: principal.unwrap_or_else(|| Principal::user("", Vec::new(), false)),
                method,
                hangup: hangup.unwrap_or_default().0,
                peer,
                path: path.as_str().to_owned(),
                query,
                body: Body::new(body, &headers),
                headers,
            },
        )
}

/// All routes, with their table.
pub(crate) fn all(app: &Arc<App>) -> (Table, BoxedFilter<(Response,)>) {
    let mut table = Table::default();
    let native = native::routes::all(app, &mut Scope::new(&mut table));
    let scale = scale_v6::routes::all(app, &mut Scope::new(&mut table));
    let datature = datature::routes::all(app, &mut Scope::new(&mut table));
    let rescale = rescale_htc::all(app, &mut Scope::new(&mut table));
    let page = page::routes(app, &mut Scope::new(&mut table));
    let nothing = warp::any().map(|| {
        // The table is asked first, so this would be a route that the table knows and warp does not.
        answered(Err(Problem::new(Code::NotFound, "nothing is here")))
    });
    let all = any_of([native, rescale, scale, datature, page])
        .or(nothing)
        .unify();
    (table, all.map(warp::Reply::into_response).boxed())
}

/// The table of all routes, for tests that hold it against something.
#[cfg(test)]
pub(crate) fn table_of_tests() -> Table {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use fasti_core::domain::ids::{LogId, RunnerId, Seq};
    use fasti_core::domain::launch::Launch;
    use fasti_core::engine::{EngineParts, spawn};
    use fasti_core::mem::{ManualClock, MemLog};
    use fasti_core::protocol::runner_v1::StopAttempt;

    struct Nothing;
    impl fasti_core::ports::Effects for Nothing {
        fn start(&mut self, _: &RunnerId, _: Vec<Launch>) {}
        fn stop(&mut self, _: &RunnerId, _: Vec<StopAttempt>) {}
    }

    struct NoEnvironments;
    impl crate::Environments for NoEnvironments {
        fn ask(
            &self,
            _: fasti_core::domain::ids::Digest,
            _: Option<&str>,
        ) -> Result<crate::Environment, String> {
            Err("none are made here".to_owned())
        }
        fn get(&self, _: &str) -> Option<crate::Environment> {
            None
        }
    }
    impl crate::Containers for NoEnvironments {
        fn check(&self, _: Option<fasti_core::domain::container::Engine>) -> Result<(), String> {
            Err("none can be run here".to_owned())
        }
    }

    let folder = tempfile::tempdir().unwrap();
    let store = fasti_core::store::Store::open(folder.path(), Default::default()).unwrap();
    let log = MemLog::default();
    let (writer, feed) = fasti_core::feed::feed(LogId([1; 16]), Seq(0), Box::new(log.clone()));
    let (engine, _thread) = spawn(EngineParts {
        state: fasti_core::domain::state::State::default(),
        clock: Box::new(ManualClock::default()),
        log: Box::new(log.clone()),
        writer,
        feed: feed.clone(),
        effects: Box::new(Nothing),
        snapshots: None,
    })
    .unwrap();
    let listen = ([127, 0, 0, 1], 0).into();
    let views = fasti_projector::SharedViews::new(fasti_projector::Views::new());
    let app = App {
        config: crate::ApiConfig::new(listen, folder.path().to_owned(), "0", "me"),
        parts: crate::ApiParts {
            engine,
            past: fasti_projector::PastViews::new(views.clone(), feed.clone(), None),
            feed,
            views,
            exact: Arc::new(log),
            content: store.content,
            links: fasti_core::link::Links::default(),
            rebuild: None,
            clock: Arc::new(ManualClock::default()),
            vitals: store.vitals,
            environments: Arc::new(NoEnvironments),
            containers: Arc::new(NoEnvironments),
        },
        replays: crate::replays::Replays::default(),
        layouts: fasti_projector::layout::Layouts::default(),
        past_turns: Arc::new(tokio::sync::Semaphore::new(1)),
        logins: crate::logins::Logins::default(),
        rescale_tasks: tokio::sync::RwLock::default(),
        bodies: crate::body::BodyRoom::new(1 << 20),
        shutdown: tokio_util::sync::CancellationToken::new(),
    };
    all(&Arc::new(app)).0
}
