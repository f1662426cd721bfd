/* Fake fetcher: see fake_fetcher.h. Layer: scrape, tests only. */
#include "scrape/fake_fetcher.h"

#include "base/mem.h"

#include <string.h>

enum { BODY_MAX = 64 * 1024 * 1024 };

typedef struct FakeFetch {
    FakeFetcher *fake;
    Loop *loop;
    HttpFetch fetch;
    bool cancelled;
} FakeFetch;

static void answer(void *self)
{
    FakeFetch *pending = self;
    FakeFetcher *fake = pending->fake;
    Buf body;
    Err err;
    HttpFetchResult result = {.status = 200};
    buf_init(&body, BODY_MAX);
    pthread_mutex_lock(&fake->lock);
    result.status = fake->status;
    result.content_type = str_from(fake->content_type);
    buf_str(&body, buf_view(&fake->body));
    if (pending->cancelled) {
        err_set(&err, ERR_CANCELED, "cancelled");
        result.err = &err;
    } else if (fake->failure != ERR_NONE) {
        err_set(&err, fake->failure, "it failed");
        result.err = &err;
    }
    pthread_mutex_unlock(&fake->lock);
    memset(buf_reserve(&body, EXPOSITION_SLACK), 0, EXPOSITION_SLACK);
    result.body = buf_view(&body);
    pending->fetch.done(pending->fetch.self, &result);
    buf_done(&body);
    mem_free(pending);
}

static void *fake_fetch(ScrapeFetcher *fetcher, Loop *loop, const HttpFetch *fetch)
{
    FakeFetcher *fake = CONTAINER_OF(fetcher, FakeFetcher, fetcher);
    FakeFetch *pending = MEM_NEW(FakeFetch);
    *pending = (FakeFetch){.fake = fake, .loop = loop, .fetch = *fetch};
    pthread_mutex_lock(&fake->lock);
    fake->fetches++;
    buf_clear(&fake->request);
    buf_printf(&fake->request, STR_FMT "\n", STR_ARG(fetch->url));
    for (size_t i = 0; i < fetch->header_count; i++) {
        buf_printf(&fake->request, STR_FMT ": " STR_FMT "\n", STR_ARG(fetch->headers[i].name),
                   STR_ARG(fetch->headers[i].value));
    }
    buf_printf(&fake->request, "timeout %lld, body %zu, gzip %d\n", (long long)fetch->timeout_ms,
               fetch->body_max, fetch->accept_gzip);
    bool hold = fake->hold;
    pthread_mutex_unlock(&fake->lock);
    if (!hold) {
        loop_call(loop, answer, pending);
    }
    return pending;
}

static void fake_cancel(ScrapeFetcher *fetcher, void *handle)
{
    FakeFetcher *fake = CONTAINER_OF(fetcher, FakeFetcher, fetcher);
    FakeFetch *pending = handle;
    pthread_mutex_lock(&fake->lock);
    fake->cancels++;
    bool answer_now = fake->hold;
    pending->cancelled = true;
    pthread_mutex_unlock(&fake->lock);
    if (answer_now) {
        loop_call(pending->loop, answer, pending);
    }
}

void fake_fetcher_init(FakeFetcher *fake)
{
    *fake = (FakeFetcher){.fetcher = {.fetch = fake_fetch, .cancel = fake_cancel},
                          .content_type = "text/plain; version=0.0.4",
                          .status = 200};
    pthread_mutex_init(&fake->lock, NULL);
    buf_init(&fake->body, BODY_MAX);
    buf_init(&fake->request, 64 * 1024);
}

void fake_fetcher_done(FakeFetcher *fake)
{
    buf_done(&fake->body);
    buf_done(&fake->request);
    pthread_mutex_destroy(&fake->lock);
}

void fake_fetcher_page(FakeFetcher *fake, const char *body)
{
    pthread_mutex_lock(&fake->lock);
    buf_clear(&fake->body);
    buf_str(&fake->body, str_from(body));
    fake->failure = ERR_NONE;
    fake->status = 200;
    pthread_mutex_unlock(&fake->lock);
}

void fake_fetcher_fail(FakeFetcher *fake, ErrCode failure, u32 status)
{
    pthread_mutex_lock(&fake->lock);
    fake->failure = failure;
    fake->status = status;
    pthread_mutex_unlock(&fake->lock);
}

void fake_fetcher_hold(FakeFetcher *fake, bool hold)
{
    pthread_mutex_lock(&fake->lock);
    fake->hold = hold;
    pthread_mutex_unlock(&fake->lock);
}

u64 fake_fetcher_count(FakeFetcher *fake)
{
    pthread_mutex_lock(&fake->lock);
    u64 count = fake->fetches;
    pthread_mutex_unlock(&fake->lock);
    return count;
}
