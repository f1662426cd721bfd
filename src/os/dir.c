/* Folders and paths: see dir.h. Layer: os. Memory: the caller's arena. Thread: any; these block. */
#include "os/dir.h"

#include "base/vec.h"
#include "os/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    WALK_FDS_MAX = 16, /* folders that dir_remove_all keeps open; deeper ones are reopened */
};

typedef VEC(Str) StrVec;

static bool make_one(const char *path, u32 mode, Err *err)
{
    if (mkdir(path, (mode_t)mode) == 0) {
        return true;
    }
    int cause = errno;
    if (cause == EEXIST && path_is_dir(path)) {
        return true;
    }
    return err_set_errno(err, cause == EEXIST ? ENOTDIR : cause, "make folder %s", path);
}

bool dir_make(const char *path, u32 mode, Err *err)
{
    char prefix[PATH_MAX];
    size_t len = strlen(path);
    if (len >= sizeof(prefix)) {
        return err_set_errno(err, ENAMETOOLONG, "make folder %s", path);
    }
    for (size_t i = 1; i < len; i++) {
        if (path[i] == '/') {
            memcpy(prefix, path, i);
            prefix[i] = '\0';
            if (!make_one(prefix, mode, err)) {
                return false;
            }
        }
    }
    return make_one(path, mode, err);
}

bool dir_sync(const char *path, Err *err)
{
    CLEANUP(fd_closep) int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return err_set_errno(err, errno, "open folder %s", path);
    }
    return fsync(fd) == 0 || err_set_errno(err, errno, "fsync folder %s", path);
}

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *place)
{
    (void)status;
    (void)kind;
    (void)place;
    return remove(path) == 0 || errno == ENOENT ? 0 : -1;
}

bool dir_remove_all(const char *path, Err *err)
{
    if (nftw(path, remove_one, WALK_FDS_MAX, FTW_DEPTH | FTW_PHYS) == 0 || errno == ENOENT) {
        return true;
    }
    return err_set_errno(err, errno, "remove folder %s", path);
}

static void close_dirp(DIR **dir)
{
    if (*dir) {
        (void)closedir(*dir);
    }
}

static bool sort_into_arena(const StrVec *strs, Arena *arena, Str **ret, size_t *ret_count,
                            Err *err)
{
    Str *copy = ARENA_NEW(arena, Str, strs->count);
    if (!copy) {
        return arena_full(arena, err);
    }
    if (strs->count > 0) {
        memcpy(copy, strs->at, strs->count * sizeof(*copy));
        qsort(copy, strs->count, sizeof(*copy), str_cmp_qsort);
    }
    *ret = copy;
    *ret_count = strs->count;
    return true;
}

static bool is_dot_or_dot_dot(const char *name)
{
    return name[0] == '.' && (name[1] == '\0' || (name[1] == '.' && name[2] == '\0'));
}

bool dir_list(const char *path, Arena *arena, Str **ret_sorted, size_t *ret_count, Err *err)
{
    CLEANUP(close_dirp) DIR *dir = opendir(path);
    if (!dir) {
        int cause = errno;
        err_set_errno(err, cause, "open folder %s", path);
        if (err && cause == ENOENT) {
            err->code = ERR_NOT_FOUND;
        }
        return false;
    }
    StrVec names = {0};
    bool ok = true;
    errno = 0;
    for (const struct dirent *entry = readdir(dir); entry && ok; entry = readdir(dir)) {
        Str name;
        if (!is_dot_or_dot_dot(entry->d_name)) {
            ok = arena_str(arena, str_from(entry->d_name), &name, err);
            *vec_push(&names) = name;
        }
        errno = 0;
    }
    if (ok && errno != 0) {
        ok = err_set_errno(err, errno, "list folder %s", path);
    }
    ok = ok && sort_into_arena(&names, arena, ret_sorted, ret_count, err);
    vec_done(&names);
    return ok;
}

bool path_exists(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0;
}

bool path_is_dir(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 && S_ISDIR(status.st_mode);
}
