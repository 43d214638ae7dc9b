//! The HTTP server: routes, and what holds for every request. Readers are served from the board and the metrics alone,
//! so nothing here can make a shard or the decider wait.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get};
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio_util::sync::CancellationToken;

pub use super::http_auth::{Token, TokenError};
pub use super::http_listen::{BindError, bind};

use super::health::Health;
use super::problem::Problem;
use super::{Report, api, metrics, openapi, page, page_alert};

/// Requests worked on at once; one more is answered 503.
const REQUESTS_MAX: usize = 64;
/// Longest time until an answer begins.
const ANSWER_MAX: Duration = Duration::from_secs(5);
/// Longest body taken, in bytes; no route reads one.
const BODY_BYTES_MAX: u64 = 16 * 1024;
/// How long answers that have begun may take once the process is told to stop.
const DRAIN_MAX: Duration = Duration::from_secs(3);

const SECURITY_HEADERS: [(header::HeaderName, &str); 5] = [
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; object-src 'none'",
    ),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::CACHE_CONTROL, "no-store"),
];

/// What the handlers need. Cheap to clone.
#[derive(Clone, Debug)]
pub struct AppState {
    pub(super) report: Report,
    pub(super) health: Arc<Health>,
    pub(super) about: Arc<About>,
    token: Option<Arc<Token>>,
    slots: Arc<Semaphore>,
}

/// What the process says of itself.
#[derive(Clone, Debug)]
pub struct About {
    /// Name of the deployment.
    pub id: String,
    /// Hash of the detection config.
    pub config_version: String,
}

impl AppState {
    /// State of a server; every request but `/live` and `/ready` must show `token` where there is one.
    pub fn new(report: Report, health: Arc<Health>, about: About, token: Option<Token>) -> AppState {
        let slots = Arc::new(Semaphore::new(REQUESTS_MAX));
        AppState { report, health, about: Arc::new(about), token: token.map(Arc::new), slots }
    }
}

/// Serves until `stop` is cancelled, then lets answers that have begun finish for at most three seconds.
///
/// # Errors
/// None today: accept errors are retried. The type leaves room for those of the listener.
pub async fn serve(listener: TcpListener, state: AppState, stop: CancellationToken) -> std::io::Result<()> {
    let listener = super::http_listen::Bounded::new(listener);
    let server = axum::serve(listener, router(state)).with_graceful_shutdown(stop.clone().cancelled_owned());
    tokio::select! {
        ended = server.into_future() => ended,
        () = async { stop.cancelled().await; tokio::time::sleep(DRAIN_MAX).await } => Ok(()),
    }
}

type Route = (&'static str, fn() -> MethodRouter<AppState>);

/// Routes for programs; the OpenAPI document lists each.
pub(super) const API_ROUTES: [Route; 9] = [
    ("/metrics", || get(show_metrics)),
    ("/live", || get(api::live)),
    ("/ready", || get(api::ready)),
    ("/api/v1/hashtags", || get(api::hashtags)),
    ("/api/v1/hashtags/{tag}", || get(api::hashtag)),
    ("/api/v1/alerts", || get(api::alerts)),
    ("/api/v1/alerts/{id}", || get(api::alert)),
    ("/api/v1/status", || get(api::status)),
    ("/openapi.json", || get(openapi::show)),
];

/// Routes for people.
const PAGE_ROUTES: [Route; 6] = [
    ("/", || get(page::show)),
    ("/alerts/{id}", || get(page_alert::show)),
    ("/hashtags/{tag}", || get(page_alert::show_hashtag)),
    ("/style.css", || get(page::style)),
    ("/page.js", || get(page::script)),
    ("/icon.svg", || get(page::icon)),
];

fn router(state: AppState) -> Router {
    let mut router = Router::new();
    for (path, route) in API_ROUTES.into_iter().chain(PAGE_ROUTES) {
        router = router.route(path, route());
    }
    router
        .fallback(no_such_route)
        .method_not_allowed_fallback(wrong_method)
        .layer(middleware::from_fn_with_state(state.clone(), guard))
        .with_state(state)
}

async fn show_metrics(State(state): State<AppState>) -> Response {
    ([(header::CONTENT_TYPE, metrics::CONTENT_TYPE)], state.report.metrics.render()).into_response()
}

async fn no_such_route(request: Request) -> Problem {
    let routes = API_ROUTES.iter().chain(&PAGE_ROUTES).map(|(path, _)| *path);
    Problem::not_found(format!("there is nothing at {:?}", request.uri().path())).allowing(routes)
}

async fn wrong_method(method: Method) -> Response {
    let problem = Problem::new(
        StatusCode::METHOD_NOT_ALLOWED,
        format!("{method} is not supported here; nothing is changed over HTTP"),
    );
    let mut response = problem.allowing(["GET", "HEAD"]).into_response();
    response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
    response
}

/// What holds for every request: admission, bounds, time limit, headers, and its count.
async fn guard(State(state): State<AppState>, request: Request, next: Next) -> Response {
    let route = request.extensions().get::<MatchedPath>().cloned();
    let mut response = match admit(&state, &request) {
        Err(refused) => *refused,
        Ok(_slot) => match tokio::time::timeout(ANSWER_MAX, next.run(request)).await {
            Ok(response) => response,
            Err(_) => {
                let detail = format!("no answer within {} s; try again", ANSWER_MAX.as_secs());
                Problem::new(StatusCode::GATEWAY_TIMEOUT, detail).into_response()
            }
        },
    };
    for (name, value) in SECURITY_HEADERS {
        response.headers_mut().entry(name).or_insert(HeaderValue::from_static(value));
    }
    let route = route.as_ref().map_or("unmatched", MatchedPath::as_str);
    state.report.metrics.http_request(route, response.status().as_u16());
    response
}

/// Lets a request in or says why not.
///
/// The probes of an orchestrator need no token and take no slot: being busy is no reason to be restarted.
fn admit<'a>(state: &'a AppState, request: &Request) -> Result<Option<SemaphorePermit<'a>>, Box<Response>> {
    if matches!(request.uri().path(), "/live" | "/ready") {
        return Ok(None);
    }
    if state.token.as_ref().is_some_and(|token| !token.admits(request.headers())) {
        let detail = "the token of http.token_file must be shown as `Authorization: Bearer <token>`, \
                      or as the password of the user `tagwatch`";
        let mut response = Problem::new(StatusCode::UNAUTHORIZED, detail).into_response();
        for challenge in ["Bearer realm=\"tagwatch\"", "Basic realm=\"tagwatch\", charset=\"UTF-8\""] {
            response.headers_mut().append(header::WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
        }
        return Err(Box::new(response));
    }
    let length = request.headers().get(header::CONTENT_LENGTH);
    let length = length.and_then(|length| length.to_str().ok()?.parse::<u64>().ok()).unwrap_or(0);
    if length > BODY_BYTES_MAX {
        let detail = format!("the body has {length} bytes; at most {BODY_BYTES_MAX} are taken");
        return Err(Box::new(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, detail).into_response()));
    }
    state.slots.try_acquire().map(Some).map_err(|_| {
        let detail = format!("{REQUESTS_MAX} requests are being answered; try again");
        let mut response = Problem::new(StatusCode::SERVICE_UNAVAILABLE, detail).into_response();
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        Box::new(response)
    })
}
