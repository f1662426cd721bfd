/*
 * Secret files: the texts of password, token and header files, kept in memory, so that a request
 * reads no file. A file is looked at again at most once a second (one stat) and read again when it
 * has changed, so a rotated secret is in force within that second.
 *
 * Layer: net. Memory: secret_files_done. Thread: one at a time (one SecretFiles a loop). stat on a
 * loop is meant: it asks a cached inode; the read happens once a change.
 */
#pragma once

#include "base/err.h"
#include "base/map.h"
#include "base/str.h"
#include "base/types.h"

typedef struct SecretFiles {
    StrMap by_path; /* a SecretFile, owned */
} SecretFiles;

void secret_files_done(SecretFiles *files); /* safe on a zeroed one, which may be used again */

/*
 * The file's text without white space around it; borrowed until the next call.
 * now_ns  monotonic
 * Errors  ERR_NOT_FOUND, ERR_IO, ERR_LIMIT; a file that could not be read is tried each time
 */
bool secret_file_get(SecretFiles *files, Str path, i64 now_ns, Str *ret, Err *err) MUST_USE;
