/*
 * HTTP fixture: a server on a free port for tests, and a client made of a raw socket that can
 * misbehave as tests need.
 *
 * Layer: net, tests only. Memory: fixture_close; client texts live in the client. Thread: main.
 */
#pragma once

#include "base/buf.h"
#include "base/err.h"
#include "net/http_server.h"
#include "net/loop.h"

typedef struct Fixture {
    LoopSet *loops;
    Pool *pool;
    Router *router;
    HttpServer *server;
} Fixture;

/* `opts` may be NULL; role, listen and pool are filled in. */
void fixture_open(Fixture *fixture, const Route *routes, size_t count, void *self,
                  const HttpServerOpts *opts);
void fixture_close(Fixture *fixture);

typedef struct Client {
    int fd;
    Buf in; /* bytes received and not yet taken */
} Client;

typedef struct Reply {
    u32 status;
    Str head;    /* with the status line; all live in the client's memory until the next call */
    Str body;    /* unchunked */
    bool closed; /* the server ended the connection behind it */
} Reply;

void client_open(Client *client, const Fixture *fixture);
void client_close(Client *client);
bool client_send(Client *client, Str bytes); /* false when the server has closed */
void client_printf(Client *client, const char *format, ...) PRINTF_LIKE(2, 3);
void client_half_close(Client *client);

/* The next reply, within a minute; fails the test when none comes. */
Reply client_reply(Client *client, bool to_head);
bool client_ended(Client *client, i64 within_ms); /* the server closes within that time */
Str reply_header(const Reply *reply, Str name);

/* One request on a connection of its own; the reply's strings live until the next call. */
Reply fixture_get(const Fixture *fixture, const char *request);
