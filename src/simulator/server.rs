//! Binding, serving, and the way of one request through the simulator.

use std::{
    any::Any,
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    os::fd::AsFd,
    path::PathBuf,
    sync::Arc,
    time::Instant,
};

use actix_web::{
    App, HttpRequest, HttpResponse, HttpServer,
    dev::Extensions,
    error::ErrorInternalServerError,
    http::header::{self, HeaderMap, HeaderName, HeaderValue},
    web,
};
use tokio_util::sync::CancellationToken;

use super::{
    access::sts::{self, Sts, StsHandle},
    admin,
    body::Body,
    buckets::Buckets,
    callback::{
        key::{CallbackKey, CallbackKeyError, KEY_PATH},
        presets::Presets,
        resolve::Hosts,
        sender::{CallbackSender, Clients},
    },
    cors,
    errors::OssError,
    faults::Faults,
    operations,
    request::Incoming,
    request_log::RequestLog,
    settings::SimulatorSettings,
    storage::{disk::Disk, objects::Objects, parts::Uploads},
};
use crate::oss::presign::http_date;

/// Why a simulator can't start.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// The address is taken or not ours.
    #[error("the simulator can't listen on {address}")]
    Listen {
        /// As configured.
        address: SocketAddr,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The data folder can't be used.
    #[error("the simulator can't use its data folder {}", path.display())]
    DataFolder {
        /// As configured.
        path: PathBuf,
        /// Taken by another process, written by another version, damaged, or not accessible.
        #[source]
        source: std::io::Error,
    },
    /// No callback key.
    #[error(transparent)]
    CallbackKey(#[from] CallbackKeyError),
    /// An OIDC provider without a usable key.
    #[error("{0}")]
    OidcProvider(String),
    /// No HTTP client for callbacks.
    #[error("the simulator can't build its callback client")]
    CallbackClient(#[source] reqwest::Error),
}

/// All that a request needs.
pub(super) struct Oss {
    pub(super) settings: SimulatorSettings,
    pub(super) buckets: Buckets,
    pub(super) objects: Objects,
    pub(super) uploads: Uploads,
    pub(super) callbacks: CallbackSender,
    pub(super) presets: Presets,
    pub(super) faults: Faults,
    pub(super) log: RequestLog,
    pub(super) sts: Sts,
}

/// A second handle of a request's connection, to hang up without an answer.
struct Line(TcpStream);

/// A simulator that listens already and serves once it [runs](Simulator::run).
pub struct Simulator {
    listener: TcpListener,
    address: SocketAddr,
    disk: Arc<Disk>,
    oss: Arc<Oss>,
}

impl Simulator {
    /// Takes the port, opens the data folder, loads or makes the callback key.
    ///
    /// # Errors
    /// When one of them fails. A rustls provider must be installed before (see [`crate::startup`]).
    pub fn bind(settings: SimulatorSettings) -> Result<Self, BindError> {
        let listen = |source| BindError::Listen { address: settings.listen, source };
        let listener = TcpListener::bind(settings.listen).map_err(listen)?;
        let address = listener.local_addr().map_err(listen)?;
        let path = &settings.data_dir;
        let unusable = |source| BindError::DataFolder { path: path.clone(), source };
        let disk = Arc::new(Disk::open(path).map_err(unusable)?);
        let (objects, uploads) = (Objects::on(Arc::clone(&disk)), Uploads::on(Arc::clone(&disk)));
        let buckets = Buckets::open(path, &settings.buckets).map_err(unusable)?;
        let presets = Presets::open(path).map_err(unusable)?;
        let hosts = Hosts { known: settings.callback_hosts.clone(), refuse_private: settings.refuse_private_callbacks };
        let clients = Clients::build(settings.callback_roots_pem.as_deref()).map_err(BindError::CallbackClient)?;
        let callbacks = CallbackSender {
            key: CallbackKey::load_or_create(&settings.data_dir)?,
            key_url: format!("http://{address}{KEY_PATH}"),
            timeout: settings.callback_timeout,
            clock: Arc::clone(&settings.clock),
            hosts,
            clients,
        };
        let (providers, limit) = (&settings.oidc_providers, settings.sts_calls_per_second);
        let sts = Sts::open(&settings.data_dir, providers, limit, settings.clock.now())?;
        let (faults, log) = (Faults::default(), RequestLog::default());
        let oss = Oss { settings, buckets, objects, uploads, callbacks, presets, faults, log, sts };
        Ok(Self { listener, address, disk, oss: Arc::new(oss) })
    }

    /// `http://127.0.0.1:PORT`: the endpoint, for path-style addressing.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The public half of the key that signs callbacks.
    pub fn callback_public_key_pem(&self) -> String {
        self.oss.callbacks.key.public_pem().to_owned()
    }

    /// What callbacks name as their key's URL; it is served there.
    pub fn callback_key_url(&self) -> String {
        self.oss.callbacks.key_url.clone()
    }

    /// Sessions without HTTP; stays good while the simulator runs.
    pub fn sts(&self) -> StsHandle {
        StsHandle::new(Arc::clone(&self.oss))
    }

    /// The same as a file in the data folder.
    pub fn callback_public_key_path(&self) -> PathBuf {
        self.oss.settings.data_dir.join(KEY_PATH.trim_start_matches('/'))
    }

    /// Serves until `shutdown` is cancelled, then lets running requests finish.
    ///
    /// # Errors
    /// When the listener breaks.
    pub async fn run(self, shutdown: CancellationToken) -> std::io::Result<()> {
        const GRACE_SECONDS: u64 = 10;
        let workers = self.oss.settings.workers;
        let oss = web::Data::from(self.oss);
        // Apart from its `await`, so that the future is `Send` and any tokio runtime can drive it.
        let server = HttpServer::new(move || App::new().app_data(oss.clone()).default_service(web::to(serve)))
            .on_connect(keep_line)
            .workers(workers)
            .shutdown_timeout(GRACE_SECONDS)
            .shutdown_signal(shutdown.cancelled_owned())
            .listen(self.listener)?
            .run();
        let ended = server.await;
        // A request that outlived the grace must not write into a folder that the next simulator has.
        self.disk.close();
        ended
    }
}

fn keep_line(connection: &dyn Any, extensions: &mut Extensions) {
    let stream = connection.downcast_ref::<actix_web::rt::net::TcpStream>();
    if let Some(line) = stream.and_then(|stream| stream.as_fd().try_clone_to_owned().ok()) {
        extensions.insert(Line(line.into()));
    }
}

/// Runs the request in a task of its own: like OSS, we finish what has arrived, and call back, also when the client has
/// gone away meanwhile.
async fn serve(oss: web::Data<Oss>, request: HttpRequest, payload: web::Payload) -> actix_web::Result<HttpResponse> {
    let answered = actix_web::rt::spawn(async move { answer(&oss, &request, payload).await });
    answered.await.map_err(ErrorInternalServerError)
}

async fn answer(oss: &Oss, request: &HttpRequest, payload: web::Payload) -> HttpResponse {
    let started = Instant::now();
    let incoming = Incoming::parse(request, &oss.settings);
    let body = Body::new(payload);
    let path = request.uri().path();
    let response = if sts::is_addressed(&incoming, path) {
        sts::serve(oss, &incoming, path, body).await
    } else {
        let mut response = operate(oss, &incoming, request, body.clone()).await.unwrap_or_else(|error| {
            incoming.notes.code(&error.code);
            error.response(&incoming)
        });
        if incoming.notes.is_refused() && !incoming.notes.hangs_up() {
            body.drain().await;
        }
        dress(oss, &incoming, started, response.headers_mut());
        response
    };
    let is_own = incoming.address.path_style && path.starts_with(admin::PREFIX);
    if !is_own {
        oss.log.write(&incoming, &response);
    }
    if incoming.notes.hangs_up()
        && let Some(Line(stream)) = request.conn_data::<Line>()
        && let Err(error) = stream.shutdown(Shutdown::Both)
    {
        tracing::debug!(error.cause = %error, "the client had hung up first");
    }
    response
}

/// What every answer of OSS carries.
fn dress(oss: &Oss, incoming: &Incoming, started: Instant, headers: &mut HeaderMap) {
    if let Some(bucket) = incoming.bucket().and_then(|name| oss.buckets.get(name)) {
        cors::decorate(incoming, &bucket, headers);
    }
    let date = http_date(oss.settings.clock.now());
    headers.insert(header::DATE, HeaderValue::from_str(&date).expect("a date is a header value"));
    headers.insert(header::SERVER, HeaderValue::from_static("AliyunOSS"));
    headers.insert(
        HeaderName::from_static("x-oss-request-id"),
        HeaderValue::from_str(&incoming.request_id).expect("hex digits are a header value"),
    );
    let millis = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    headers.insert(HeaderName::from_static("x-oss-server-time"), HeaderValue::from(millis));
}

async fn operate(oss: &Oss, incoming: &Incoming, request: &HttpRequest, body: Body) -> Result<HttpResponse, OssError> {
    let path = request.uri().path();
    if incoming.address.path_style {
        if path == KEY_PATH && matches!(incoming.method.as_str(), "GET" | "HEAD") {
            let pem = oss.callbacks.key.public_pem().to_owned();
            return Ok(HttpResponse::Ok().content_type("application/x-x509-ca-cert").body(pem));
        }
        if let Some(own) = path.strip_prefix(admin::PREFIX) {
            return admin::serve(oss, incoming, own, body).await;
        }
    }
    incoming.check_readable()?;
    // A form's key is known once the form is read: only there it strikes.
    if incoming.operation != "PostObject" {
        oss.faults.strike(incoming, incoming.operation, &incoming.key).await?;
    }
    operations::dispatch(oss, incoming, request, body).await
}
