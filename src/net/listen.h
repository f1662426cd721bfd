/*
 * Listen: sockets that wait for connections, from the addresses people write in flags and files.
 *
 * Layer: net. Memory: listen_close. Thread: any; a host name is looked up, which may take time.
 */
#pragma once

#include "base/err.h"
#include "base/str.h"
#include "base/types.h"

typedef struct ListenSocket {
    int fd;          /* not blocking */
    u16 port;        /* 0 for a Unix socket */
    char *unix_path; /* removed by listen_close; NULL for TCP; owned */
} ListenSocket;

/*
 * role     begins the error text
 * address  "127.0.0.1:9090", ":9090" (all addresses, both families), "[::1]:9090", "unix:/path"
 * option   the flag or setting that changes the address, for the error text
 * Errors   ERR_EXISTS for a taken port, ERR_INVALID for an address nobody can read, ERR_IO
 */
bool listen_open(const char *role, Str address, const char *option, ListenSocket *ret,
                 Err *err) MUST_USE;
void listen_close(ListenSocket *socket); /* safe on a zeroed one with fd -1 */
