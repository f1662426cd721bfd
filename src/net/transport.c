/* Transport: see transport.h. Layer: net (OpenSSL). Memory: transport_close. Thread: the
 * connection's loop.
 */
#include "net/transport.h"

#include <errno.h>
#include <event2/buffer.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    RECORD_SIZE = 16 * 1024, /* bytes of a TLS record; what is smaller is sent as one */
};

static bool would_block(int error)
{
    return error == EAGAIN || error == EWOULDBLOCK || error == EINTR;
}

/* Go answers so, and people know what it means. */
static void say_plain_on_tls(const Transport *transport)
{
    static const char text[] = "HTTP/1.0 400 Bad Request\r\n\r\n"
                               "Client sent an HTTP request to an HTTPS server.\n";
    ssize_t sent = send(transport->fd, text, sizeof(text) - 1, MSG_NOSIGNAL | MSG_DONTWAIT);
    (void)sent; /* the connection ends either way */
}

static Transfer tls_outcome(const Transport *transport, int result)
{
    switch (SSL_get_error(transport->tls, result)) {
    case SSL_ERROR_WANT_READ:
        return TRANSFER_WAIT_READ;
    case SSL_ERROR_WANT_WRITE:
        return TRANSFER_WAIT_WRITE;
    case SSL_ERROR_ZERO_RETURN:
        return TRANSFER_END;
    case SSL_ERROR_SSL:
        if (ERR_GET_REASON(ERR_peek_error()) == SSL_R_HTTP_REQUEST) {
            say_plain_on_tls(transport);
        }
        return TRANSFER_FAILED;
    default:
        return TRANSFER_FAILED;
    }
}

static Transfer tls_read(Transport *transport, void *to, size_t size, size_t *ret_read)
{
    ERR_clear_error(); /* SSL_get_error looks at the thread's queue */
    int got = SSL_read_ex(transport->tls, to, size, ret_read);
    return got == 1 ? TRANSFER_DONE : tls_outcome(transport, got);
}

static Transfer tls_write(Transport *transport, struct evbuffer *from)
{
    while (evbuffer_get_length(from) > 0) {
        size_t size = MIN(evbuffer_get_length(from), (size_t)RECORD_SIZE);
        /* A reply's head and body lie in two pieces: together they need one record only. */
        const u8 *bytes = evbuffer_pullup(from, (ev_ssize_t)size);
        size_t sent = 0;
        ERR_clear_error();
        int result = SSL_write_ex(transport->tls, bytes, size, &sent);
        if (result != 1) {
            return tls_outcome(transport, result);
        }
        (void)evbuffer_drain(from, sent);
    }
    return TRANSFER_DONE;
}

bool transport_has_pending(const Transport *transport)
{
    return transport->tls && SSL_pending(transport->tls) > 0;
}

Transfer transport_read(Transport *transport, void *to, size_t size, size_t *ret_read)
{
    if (transport->tls) {
        return tls_read(transport, to, size, ret_read);
    }
    ssize_t got = recv(transport->fd, to, size, 0);
    if (got > 0) {
        *ret_read = (size_t)got;
        return TRANSFER_DONE;
    }
    if (got == 0) {
        return TRANSFER_END;
    }
    return would_block(errno) ? TRANSFER_WAIT_READ : TRANSFER_FAILED;
}

Transfer transport_write(Transport *transport, struct evbuffer *from)
{
    if (transport->tls) {
        return tls_write(transport, from);
    }
    while (evbuffer_get_length(from) > 0) {
        int sent = evbuffer_write(from, transport->fd);
        if (sent < 0) {
            return would_block(errno) ? TRANSFER_WAIT_WRITE : TRANSFER_FAILED;
        }
    }
    return TRANSFER_DONE;
}

void transport_shut_sending(Transport *transport)
{
    if (transport->tls) {
        (void)SSL_shutdown(transport->tls);
    }
    (void)shutdown(transport->fd, SHUT_WR);
}

void transport_close(Transport *transport)
{
    SSL_free(transport->tls);
    transport->tls = NULL;
    if (transport->fd >= 0) {
        (void)close(transport->fd);
        transport->fd = -1;
    }
}
