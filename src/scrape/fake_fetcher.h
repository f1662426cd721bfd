/*
 * Fake fetcher: answers scrapes with what the test says, without a network.
 *
 * Layer: scrape, tests only. Memory: fake_fetcher_done, when nothing runs any more. Thread: any
 * (one lock).
 */
#pragma once

#include "base/buf.h"
#include "scrape/loop.h"

typedef struct FakeFetcher {
    ScrapeFetcher fetcher; /* pass &fake.fetcher */
    pthread_mutex_t lock;
    Buf body;
    const char *content_type;
    u32 status;
    ErrCode failure; /* ERR_NONE: a reply comes */
    bool hold;       /* answers only when cancelled */
    u64 fetches;
    u64 cancels;
    Buf request; /* URL and headers of the last one, a line each */
} FakeFetcher;

void fake_fetcher_init(FakeFetcher *fake);
void fake_fetcher_done(FakeFetcher *fake);

/* What the next fetches get. */
void fake_fetcher_page(FakeFetcher *fake, const char *body);
void fake_fetcher_fail(FakeFetcher *fake, ErrCode failure, u32 status);
void fake_fetcher_hold(FakeFetcher *fake, bool hold);
u64 fake_fetcher_count(FakeFetcher *fake);
