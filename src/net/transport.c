/* Transport: see transport.h. Layer: net. Memory: transport_close. Thread: the connection's loop.
 */
#include "net/transport.h"

#include <errno.h>
#include <event2/buffer.h>
#include <sys/socket.h>
#include <unistd.h>

static bool would_block(int error)
{
    return error == EAGAIN || error == EWOULDBLOCK || error == EINTR;
}

Transfer transport_read(Transport *transport, void *to, size_t size, size_t *ret_read)
{
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
    (void)shutdown(transport->fd, SHUT_WR);
}

void transport_close(Transport *transport)
{
    if (transport->fd >= 0) {
        (void)close(transport->fd);
        transport->fd = -1;
    }
}
