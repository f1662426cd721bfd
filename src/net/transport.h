/*
 * Transport: bytes of one accepted socket, plain or under TLS, without ever waiting.
 *
 * Layer: net. Memory: transport_close. Thread: the connection's loop.
 */
#pragma once

#include "base/types.h"

struct evbuffer;
struct ssl_st;

typedef struct Transport {
    int fd;             /* owned */
    struct ssl_st *tls; /* owned; NULL: plain */
} Transport;

typedef enum Transfer {
    TRANSFER_DONE,       /* bytes moved; reading: perhaps more to come */
    TRANSFER_WAIT_READ,  /* go on when the socket is readable */
    TRANSFER_WAIT_WRITE, /* go on when the socket is writable */
    TRANSFER_END,        /* reading: the peer sends no more */
    TRANSFER_FAILED,     /* the connection is broken */
} Transfer;

Transfer transport_read(Transport *transport, void *to, size_t size, size_t *ret_read);

/* Writes from the front of `from` until it is empty (DONE) or the socket takes no more. */
Transfer transport_write(Transport *transport, struct evbuffer *from);

/* Whether bytes wait inside TLS although the socket may have none. */
bool transport_has_pending(const Transport *transport);

void transport_shut_sending(Transport *transport);
void transport_close(Transport *transport);
