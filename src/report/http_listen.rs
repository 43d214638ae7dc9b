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
        (Connection::new(stream, slot, SILENCE_MAX, STALLED_WRITE_MAX), peer)
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
    silence_max: Duration,
    stalled_write_max: Duration,
    /// Whether the deadline now running is that of a write.
    writing: bool,
    _slot: OwnedSemaphorePermit,
}

impl Connection {
    fn new(
        stream: TcpStream,
        slot: OwnedSemaphorePermit,
        silence_max: Duration,
        stalled_write_max: Duration,
    ) -> Connection {
        let deadline = Box::pin(tokio::time::sleep(silence_max));
        Connection { stream, deadline, silence_max, stalled_write_max, writing: false, _slot: slot }
    }

    /// Bytes went through: the deadline starts anew.
    fn moved(&mut self) {
        self.writing = false;
        self.deadline.as_mut().reset(Instant::now() + self.silence_max);
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
            self.deadline.as_mut().reset(Instant::now() + self.stalled_write_max);
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::poll_fn;

    const SHORT: Duration = Duration::from_millis(20);
    const LONG: Duration = Duration::from_secs(3600);

    async fn pair(silence_max: Duration, stalled_write_max: Duration) -> (Connection, TcpStream, Arc<Semaphore>) {
        let listener = bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let reader = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (stream, _) = listener.accept().await.unwrap();
        let slots = Arc::new(Semaphore::new(1));
        let slot = Arc::clone(&slots).try_acquire_owned().unwrap();
        (Connection::new(stream, slot, silence_max, stalled_write_max), reader, slots)
    }

    async fn write(connection: &mut Connection, bytes: &[u8]) -> io::Result<usize> {
        poll_fn(|cx| Pin::new(&mut *connection).poll_write(cx, bytes)).await
    }

    async fn read(connection: &mut Connection) -> io::Result<Vec<u8>> {
        let mut space = [0; 64];
        let mut buf = ReadBuf::new(&mut space);
        poll_fn(|cx| Pin::new(&mut *connection).poll_read(cx, &mut buf)).await?;
        Ok(buf.filled().to_vec())
    }

    #[tokio::test]
    async fn a_reader_that_takes_nothing_loses_its_connection_and_its_slot() {
        let (mut connection, _reader, slots) = pair(LONG, SHORT).await;
        let page = vec![0u8; 1 << 20];
        let error = loop {
            if let Err(error) = write(&mut connection, &page).await {
                break error;
            }
        };
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert_eq!(slots.available_permits(), 0);
        drop(connection);
        assert_eq!(slots.available_permits(), 1);
    }

    #[tokio::test]
    async fn a_silent_client_loses_its_connection() {
        let (mut connection, _client, _slots) = pair(SHORT, LONG).await;
        assert_eq!(read(&mut connection).await.unwrap_err().kind(), io::ErrorKind::TimedOut);
    }

    #[tokio::test]
    async fn bytes_that_move_keep_the_connection() {
        let (mut connection, client, _slots) = pair(LONG, LONG).await;
        assert_eq!(client.try_write(b"ping").unwrap(), 4);
        assert_eq!(read(&mut connection).await.unwrap(), b"ping");
        assert_eq!(write(&mut connection, b"pong").await.unwrap(), 4);
        client.readable().await.unwrap();
        let mut pong = [0; 8];
        assert_eq!(client.try_read(&mut pong).unwrap(), 4);
        assert_eq!(&pong[..4], b"pong");
    }

    #[tokio::test]
    async fn a_taken_address_is_named_with_its_key() {
        let held = bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let address = held.local_addr().unwrap();
        let error = bind(address).await.unwrap_err().to_string();
        assert!(error.contains(&format!("http.listen = \"{address}\"")), "{error}");
        assert!(error.contains("another process holds the address"), "{error}");
    }
}
