/*
 * Files: whole reads, durable writes, directory locks. "Durable" means that after true the bytes
 * survive a power cut: file and folder were fsynced.
 *
 * Layer: os. Memory: what is read goes into the caller's arena or buffer. Thread: any; these block,
 * so never from a loop (except proc and sys files, which cannot).
 */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"
#include "base/types.h"
#include "os/dir.h"

/*
 * Reads at most `max` bytes. Paths are C strings; the text read ends in a NUL that len leaves out.
 * Errors  ERR_NOT_FOUND (with ENOENT in sys_errno), ERR_LIMIT for a longer file, ERR_IO
 */
bool file_read(const char *path, size_t max, Arena *arena, Str *ret, Err *err) MUST_USE;

/* For files of /proc and /sys: into a buffer that is reused (cleared first), whose max is the
 * limit. The same errors. Cost: one open, two reads, one close; no allocation once it has grown. */
bool file_read_into(const char *path, Buf *out, Err *err) MUST_USE;

/* Writes a temporary file beside `path`, fsyncs, renames over it, fsyncs the folder. */
bool file_write_atomic(const char *path, Str content, u32 mode, Err *err) MUST_USE;

/* All bytes or an error; retries short writes and EINTR. */
bool fd_write_all(int fd, Str bytes, Err *err) MUST_USE;
bool fd_read_full(int fd, void *to, size_t size, size_t *ret_read,
                  Err *err) MUST_USE; /* less only at the end */

/* An exclusive flock on `path` (made when missing); ERR_EXISTS when another process holds it. */
bool file_lock(const char *path, int *ret_fd, Err *err) MUST_USE;
void file_unlock(const char *path, int fd); /* removes the file, then lets go */

void fd_closep(int *fd); /* for CLEANUP; closes when >= 0 */

/* A read-only mapping of a whole file; ptr NULL for an empty file. */
typedef struct FileMap {
    Str bytes;
} FileMap;
bool file_map(const char *path, FileMap *ret, Err *err) MUST_USE;
void file_unmap(FileMap *map);
