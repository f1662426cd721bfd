/* Listen: see listen.h. Layer: net. Memory: listen_close. Thread: any. */
#include "net/listen.h"

#include "base/mem.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum {
    HOST_MAX = 256, /* bytes, with NUL */
    PORT_MAX = 32,
};

static const char *advice(int error)
{
    switch (error) {
    case EADDRINUSE:
        return "another process has the port; choose another with";
    case EACCES:
        return "this user may not; choose another with";
    case EADDRNOTAVAIL:
        return "no interface of this machine has that address; choose another with";
    default:
        return "choose another with";
    }
}

static bool fail(const char *role, Str address, const char *option, int error, Err *err)
{
    char text[128];
    (void)err_set(err, error == EADDRINUSE ? ERR_EXISTS : ERR_IO,
                  "%s: cannot listen on " STR_FMT ": %s (%s %s)", role, STR_ARG(address),
                  strerror_r(error, text, sizeof(text)), advice(error), option);
    if (err) {
        err->sys_errno = error;
    }
    return false;
}

static bool invalid(const char *role, Str address, const char *option, const char *why, Err *err)
{
    return err_set(err, ERR_INVALID, "%s: cannot listen on \"" STR_FMT "\": %s (see %s)", role,
                   STR_ARG(address), why, option);
}

/* Binds and listens; 0 or errno. */
static int open_socket(const struct sockaddr *address, socklen_t size, int *ret_fd)
{
    int one = 1;
    int zero = 0;
    int fd = socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return errno;
    }
    if (address->sa_family != AF_UNIX) {
        /* Connections of an earlier process in TIME_WAIT do not hold the port; a listener does. */
        (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    }
    if (address->sa_family == AF_INET6) {
        (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &zero, sizeof(zero));
    }
    if (bind(fd, address, size) != 0 || listen(fd, SOMAXCONN) != 0) {
        int error = errno;
        (void)close(fd);
        return error;
    }
    *ret_fd = fd;
    return 0;
}

static u16 port_of(int fd)
{
    struct sockaddr_storage address;
    socklen_t size = sizeof(address);
    if (getsockname(fd, (struct sockaddr *)&address, &size) != 0) {
        return 0;
    }
    if (address.ss_family == AF_INET6) {
        return ntohs(((struct sockaddr_in6 *)&address)->sin6_port);
    }
    return ntohs(((struct sockaddr_in *)&address)->sin_port);
}

/* All addresses: one IPv6 socket that takes IPv4 too, or IPv4 alone where there is no IPv6. */
static int open_any(u16 port, int *ret_fd)
{
    struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
    int error = open_socket((struct sockaddr *)&six, sizeof(six), ret_fd);
    if (error == EAFNOSUPPORT || error == EADDRNOTAVAIL) {
        struct sockaddr_in four = {.sin_family = AF_INET, .sin_port = htons(port)};
        error = open_socket((struct sockaddr *)&four, sizeof(four), ret_fd);
    }
    return error;
}

static bool open_named(const char *role, Str address, const char *option, const char *host,
                       const char *port, int *ret_fd, Err *err)
{
    struct addrinfo *found;
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE};
    int failure = getaddrinfo(host, port, &hints, &found);
    if (failure != 0) {
        return invalid(role, address, option, gai_strerror(failure), err);
    }
    int error = open_socket(found->ai_addr, found->ai_addrlen, ret_fd);
    freeaddrinfo(found);
    return error == 0 || fail(role, address, option, error, err);
}

static bool copy_text(char *to, size_t size, Str from)
{
    if (from.len >= size) {
        return false;
    }
    memcpy(to, from.ptr, from.len);
    to[from.len] = '\0';
    return true;
}

static bool open_tcp(const char *role, Str address, const char *option, ListenSocket *ret, Err *err)
{
    char host[HOST_MAX];
    char port[PORT_MAX];
    size_t colon = str_find_last_byte(address, ':');
    if (colon == STR_NOT_FOUND || colon + 1 == address.len) {
        return invalid(role, address, option, "a port is missing, as in \"127.0.0.1:9090\"", err);
    }
    Str name = str_take(address, colon);
    if (str_starts_with(name, S("[")) && str_ends_with(name, S("]"))) {
        name = str_slice(name, 1, name.len - 1);
    } else if (str_find_byte(name, ':') != STR_NOT_FOUND) {
        return invalid(role, address, option,
                       "an IPv6 address wants brackets, as in \"[::1]:9090\"", err);
    }
    Str digits = str_skip(address, colon + 1);
    u64 number;
    if (!copy_text(host, sizeof(host), name) || !copy_text(port, sizeof(port), digits) ||
        (str_to_u64(digits, &number) && number > 65535)) {
        return invalid(role, address, option, "that is no address and port", err);
    }
    ListenSocket socket = {.fd = -1};
    if (host[0] == '\0' && str_to_u64(digits, &number)) {
        int error = open_any((u16)number, &socket.fd);
        if (error != 0) {
            return fail(role, address, option, error, err);
        }
    } else if (!open_named(role, address, option, host[0] ? host : NULL, port, &socket.fd, err)) {
        return false;
    }
    socket.port = port_of(socket.fd);
    *ret = socket;
    return true;
}

/* A socket file that nobody listens on is what a killed process left behind. */
static void remove_stale(const struct sockaddr_un *address)
{
    struct stat status;
    if (stat(address->sun_path, &status) != 0 || !S_ISSOCK(status.st_mode)) {
        return;
    }
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0) {
        if (connect(fd, (const struct sockaddr *)address, sizeof(*address)) != 0 &&
            errno == ECONNREFUSED) {
            (void)unlink(address->sun_path);
        }
        (void)close(fd);
    }
}

static bool open_unix(const char *role, Str address, const char *option, ListenSocket *ret,
                      Err *err)
{
    struct sockaddr_un where = {.sun_family = AF_UNIX};
    Str path = str_skip(address, sizeof("unix:") - 1);
    if (path.len == 0 || !copy_text(where.sun_path, sizeof(where.sun_path), path)) {
        return invalid(role, address, option, "a socket's path has 1 to 107 bytes", err);
    }
    remove_stale(&where);
    ListenSocket socket = {.fd = -1};
    int error = open_socket((struct sockaddr *)&where, sizeof(where), &socket.fd);
    if (error != 0) {
        return fail(role, address, option, error, err);
    }
    socket.unix_path = mem_alloc(path.len + 1);
    memcpy(socket.unix_path, where.sun_path, path.len + 1);
    *ret = socket;
    return true;
}

bool listen_open(const char *role, Str address, const char *option, ListenSocket *ret, Err *err)
{
    return str_starts_with(address, S("unix:")) ? open_unix(role, address, option, ret, err)
                                                : open_tcp(role, address, option, ret, err);
}

void listen_close(ListenSocket *socket)
{
    if (socket->unix_path) {
        (void)unlink(socket->unix_path);
        mem_free(socket->unix_path);
        socket->unix_path = NULL;
    }
    if (socket->fd >= 0) {
        (void)close(socket->fd);
        socket->fd = -1;
    }
}
