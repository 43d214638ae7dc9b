//! Connections: how many at once, and for how long. A reader that takes one byte a second holds its connection and
//! nothing else; after a while it loses that too.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, Sleep};

/// Connections open at once; further ones wait in the kernel's queue.
pub const CONNECTIONS_MAX: usize = 256;
/// A connection that neither takes nor brings a byte for this long is closed. Longer than Prometheus' usual interval,
/// so that it keeps its connection.
pub const SILENCE_MAX: Duration = Duration::from_secs(75);
/// A connection is closed when a write has waited this long for the reader to make room.
pub const STALLED_WRITE_MAX: Duration = Duration::from_secs(10);

/// Why the server cannot listen.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on http.listen = \"{listen}\": {hint}")]
pub struct BindError {
    /// The address asked for.
    listen: SocketAddr,
    hint: String,
    source: io::Error,
}

/// Binds `http.listen`.
///
/// # Errors
/// The address is taken, not of this machine, or not allowed; the message names it, the key and the way out.
pub async fn bind(listen: SocketAddr) -> Result<TcpListener, BindError> {
    TcpListener::bind(listen).await.map_err(|source| {
        let hint = match source.kind() {
            io::ErrorKind::AddrInUse => {
                "another process holds the address; stop it or set another port (port 0 takes any free one)".to_owned()
            }
            io::ErrorKind::AddrNotAvailable => "the address is not one of this machine".to_owned(),
            io::ErrorKind::PermissionDenied => "ports below 1024 need a privilege; set a higher one".to_owned(),
            _ => source.to_string(),
        };
        BindError { listen, hint, source }
    })
}

/// A listener that keeps the bounds above.
#[derive(Debug)]
pub struct Bounded {
    listener: TcpListener,
    slots: Arc<Semaphore>,
}

impl Bounded {
    /// Wraps a bound listener.
    pub fn new(listener: TcpListener) -> Bounded {
        Bounded { listener, slots: Arc::new(Semaphore::new(CONNECTIONS_MAX)) }
    }
}

impl axum::serve::Listener for Bounded {
    type Io = Connection;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Connection, SocketAddr) {
        let slot = Arc::clone(&self.slots).acquire_owned().await.expect("the semaphore is never closed");
        // axum's own accept logs nothing for a peer that left at once and pauses where file descriptors run out.
        let (stream, peer) = axum::serve::Listener::accept(&mut self.listener).await;
        (Connection::new(stream, slot), peer)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

/// One connection with its deadlines.
#[derive(Debug)]
pub struct Connection {
    stream: TcpStream,
    deadline: Pin<Box<Sleep>>,
    /// Whether the deadline now running is that of a write.
    writing: bool,
    _slot: OwnedSemaphorePermit,
}

impl Connection {
    fn new(stream: TcpStream, slot: OwnedSemaphorePermit) -> Connection {
        let deadline = Box::pin(tokio::time::sleep(SILENCE_MAX));
        Connection { stream, deadline, writing: false, _slot: slot }
    }

    /// Bytes went through: the deadline starts anew.
    fn moved(&mut self) {
        self.writing = false;
        self.deadline.as_mut().reset(Instant::now() + SILENCE_MAX);
    }

    /// The socket is not ready; ends the connection once the deadline has passed.
    fn waits<T>(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<T>> {
        ready!(self.deadline.as_mut().poll(cx));
        Poll::Ready(Err(io::Error::from(io::ErrorKind::TimedOut)))
    }

    fn wrote(&mut self, cx: &mut Context<'_>, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if written.is_ready() {
            self.moved();
            return written;
        }
        if !self.writing {
            self.writing = true;
            self.deadline.as_mut().reset(Instant::now() + STALLED_WRITE_MAX);
        }
        self.waits(cx)
    }
}

impl AsyncRead for Connection {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        match Pin::new(&mut this.stream).poll_read(cx, buf) {
            Poll::Ready(done) => {
                if !this.writing {
                    this.moved();
                }
                Poll::Ready(done)
            }
            Poll::Pending => this.waits(cx),
        }
    }
}

impl AsyncWrite for Connection {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.stream).poll_write(cx, buf);
        this.wrote(cx, written)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.stream).poll_write_vectored(cx, bufs);
        this.wrote(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }
}
