/*
 * Kernel files: files of /proc and /sys that stay open from scrape to scrape. Opening one costs ten
 * times what reading it does, and reading from its start asks the kernel anew.
 *
 * Files of other filesystems (a tree that is mounted elsewhere) are opened each time. A kept file
 * whose device has gone fails to be read and is looked for again under its name; a device that was
 * renamed does not fail, so who reads below such a folder calls kernel_files_enter first.
 *
 * Layer: role/node_exporter. Memory: kernel_files_new/free. Thread: one at a time.
 */
#pragma once

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

enum {
    KERNEL_FILES_MAX = 256, /* kept open; what is more is opened each time */
    KERNEL_IDLE_MAX = 64,   /* scrapes without a read, after which a file is closed */
};

typedef struct KernelFiles KernelFiles;

KernelFiles *kernel_files_new(void);
void kernel_files_free(KernelFiles *files); /* NULL-safe */

/*
 * The whole file into `out` (cleared first), whose max is the limit.
 * Errors  as file_read_into
 */
bool kernel_files_read(KernelFiles *files, const char *path, Buf *out, Err *err) MUST_USE;

/* Closes what lies below `folder` when that name leads to another folder than at the last scrape.
 */
void kernel_files_enter(KernelFiles *files, const char *folder);

/* After each scrape: closes what has been idle. */
void kernel_files_end_scrape(KernelFiles *files);
