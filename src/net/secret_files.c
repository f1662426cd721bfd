/* Secret files: see secret_files.h. Layer: net. */
#include "net/secret_files.h"

#include "base/buf.h"
#include "base/mem.h"
#include "base/time.h"
#include "os/file.h"

#include <string.h>
#include <sys/stat.h>

enum {
    SECRET_FILE_MAX = 1024 * 1024, /* bytes of a file */
    SECRET_FILES_MAX = 1024,       /* kept; over it all are forgotten and read anew when needed */
};

static const i64 check_every_ns = NS_PER_SECOND;
/* A file changed that shortly before it was read may change again within one tick of the file
 * system's clock, which nothing but its content would show. */
static const i64 settled_after_ns = 2 * NS_PER_SECOND;

typedef struct SecretFile {
    char *path; /* owned */
    Buf text;
    struct stat status; /* just before the text was read */
    i64 checked_ns;
    bool read;    /* text and status are good */
    bool settled; /* an equal status means an equal text */
} SecretFile;

void secret_files_done(SecretFiles *files)
{
    Str path;
    u64 value;
    for (size_t i = 0; strmap_next(&files->by_path, &i, &path, &value);) {
        SecretFile *file = (SecretFile *)(uintptr_t)value;
        if (file->text.data) {
            explicit_bzero(file->text.data, file->text.capacity);
        }
        buf_done(&file->text);
        mem_free(file->path);
        mem_free(file);
    }
    strmap_done(&files->by_path);
}

static SecretFile *find_or_add(SecretFiles *files, Str path)
{
    u64 *found = strmap_find(&files->by_path, path);
    if (found) {
        return (SecretFile *)(uintptr_t)*found;
    }
    if (files->by_path.count >= SECRET_FILES_MAX) {
        secret_files_done(files);
    }
    SecretFile *file = MEM_NEW(SecretFile);
    file->path = mem_zero(path.len + 1, 1);
    memcpy(file->path, path.ptr, path.len);
    buf_init(&file->text, SECRET_FILE_MAX);
    *strmap_put(&files->by_path, (Str){.ptr = file->path, .len = path.len}, NULL) =
        (u64)(uintptr_t)file;
    return file;
}

static i64 changed_ns(const struct stat *status)
{
    return (i64)status->st_ctim.tv_sec * NS_PER_SECOND + status->st_ctim.tv_nsec;
}

static bool same_file(const struct stat *a, const struct stat *b)
{
    return a->st_ino == b->st_ino && a->st_dev == b->st_dev && a->st_size == b->st_size &&
           changed_ns(a) == changed_ns(b) && a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
           a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

static bool refresh(SecretFile *file, i64 now_ns, Err *err)
{
    struct stat status;
    if (file->read && now_ns - file->checked_ns < check_every_ns) {
        return true;
    }
    bool known = stat(file->path, &status) == 0;
    file->checked_ns = now_ns;
    if (known && file->read && file->settled && same_file(&status, &file->status)) {
        return true;
    }
    file->read = file_read_into(file->path, &file->text, err);
    file->settled = known && time_now_ns() - changed_ns(&status) >= settled_after_ns;
    if (known) {
        file->status = status;
    }
    return file->read;
}

bool secret_file_get(SecretFiles *files, Str path, i64 now_ns, Str *ret, Err *err)
{
    SecretFile *file = find_or_add(files, path);
    if (!refresh(file, now_ns, err)) {
        return false;
    }
    *ret = str_trim(buf_view(&file->text));
    return true;
}
