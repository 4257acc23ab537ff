/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the acme_*.c files of the driver share; nobody else includes this.
 *
 *   acme.c           life, what is wanted, what is served, views
 *   acme_account.c   a resolver's account and its client
 *   acme_item.c      one certificate: its order, step by step
 *   acme_schedule.c  when a certificate is looked at again
 *   acme_answers.c   the challenges of all orders, published to the workers
 *   acme_dns_task.c  the records of an order's DNS challenges
 *   acme_saver.c     a storage's way to the disk
 *   acme_storage.c   what is in it at the start, and what others put there later
 */
#ifndef WEIR_CORE_CONTROL_ACME_PRIVATE_H
#define WEIR_CORE_CONTROL_ACME_PRIVATE_H

#include "core/control/acme.h"

#include "core/base/hash.h"
#include "core/control/acme_dns.h"
#include "core/control/acme_http.h"
#include "core/control/acme_store.h"
#include "core/control/acme_wants.h"
#include "core/control/work.h"
#include "tls/acme_client.h"
#include "tls/acme_order.h"

#define ACME_ORDERS_AT_ONCE 10  /* per resolver */
#define ACME_RETRY_FIRST_MS (120 * MS_PER_S)
#define ACME_RETRY_LAST_MS (6 * 3600 * MS_PER_S)
#define ACME_RATE_LIMIT_MS (3600 * MS_PER_S) /* where the CA names no time */
#define ACME_CA_RETRY_FIRST_MS (5 * MS_PER_S)
#define ACME_CA_RETRY_LAST_MS (600 * MS_PER_S)
#define ACME_ORDER_PAUSE_MS (3600 * MS_PER_S) /* between two orders for the same names */
#define ACME_LOOK_MS (3600 * MS_PER_S) /* at the wall clock at least so often */

struct acme;
struct acme_resolver;
struct acme_dns_task;

/* One storage and its way to the disk and back. */
struct acme_saver {
    struct list link; /* acme->savers */
    struct acme *acme;
    struct acme_store *store;
    int lock;   /* -1: another process has it */
    bool owned; /* the lock, and what the file had when we got it: we may write */
    struct work_job job;
    struct timer timer; /* after a failure */
    bool busy, reading; /* the job runs; it is to read */
    struct span texts[ACME_STORE_FILES];
    bool wanted[ACME_STORE_FILES];
    enum err error;
    struct err_text why;
    struct span found; /* acme.json, as it was read */
    struct acme_file_stamp found_stamp;
    struct acme_file_stamp useless; /* of contents that were read in vain */
    unsigned unchanged; /* writes in a row that failed because the stamp alone was another */
};

#define ACME_RESOLVER_STATES(X) X(IDLE) X(KEY) X(SAVE) X(SETUP) X(READY) X(WAIT)
enum acme_resolver_state {
#define ACME_RESOLVER_ENUM(name) ACME_RESOLVER_##name,
    ACME_RESOLVER_STATES(ACME_RESOLVER_ENUM)
#undef ACME_RESOLVER_ENUM
};

struct acme_resolver {
    struct acme *acme;
    const struct model_resolver *model;
    char problem[256]; /* "": usable */
    struct acme_saver *saver;
    struct acme_dns *dns; /* NULL: no dnsChallenge */
    enum acme_resolver_state state;
    struct acme_key *account_key;
    char *account_email;
    struct acme_client *client;
    struct acme_http http;
    struct work_job job; /* makes the account's key */
    struct timer timer;
    struct list queue;   /* items that want to begin */
    size_t running;      /* items with an order or a question under way */
    unsigned failures;   /* of the set-up, in a row */
    char error[512];     /* of the last one; "": the CA can be used */
    int64_t not_before_ms; /* no new order before */
    struct acme_ca ca;
    uint64_t obtained, failed;
};

#define ACME_ITEM_STATES(X) X(IDLE) X(QUEUED) X(KEY) X(ORDER) X(ASK)
enum acme_item_state {
#define ACME_ITEM_ENUM(name) ACME_ITEM_##name,
    ACME_ITEM_STATES(ACME_ITEM_ENUM)
#undef ACME_ITEM_ENUM
};

/* One certificate that is wanted, or stored. */
struct acme_item {
    struct list link; /* in its resolver's queue */
    struct acme_resolver *of;
    struct span *names; /* in one allocation with their texts */
    size_t name_count;
    char *id;        /* "resolver NL key": acme->items' key */
    const char *key; /* the part of it behind the NL */
    const char *problem; /* why it is not ordered at all; NULL: it is */
    enum acme_item_state state;
    bool wanted, is_default, forced;
    struct cert *cert; /* NULL: none */
    struct timer timer;
    int64_t renew_s;   /* Unix time; 0: not settled */
    int64_t ask_s;     /* when the CA is asked for a renewal time next; 0: at once */
    int64_t not_before_ms;
    unsigned failures;
    int64_t failed_s;
    char error[512];
    /* of an order or a question that is under way */
    struct acme_key *order_key;
    struct acme_order *order;
    bool order_kept; /* its URL is in the storage */
    bool presented;
    struct acme_dns_task *dns; /* NULL: no records */
    struct acme_call call;
    struct acme_http http;
    struct work_job job;
    /* of acme_answers.c: made once per challenge */
    struct acme_alpn_cert {
        char *name;
        struct cert *cert;
    } * alpn;
    size_t alpn_count;
};

/* Threads that do what the control thread may not wait for, and their op. */
struct acme_helper {
    struct acme *acme;
    struct work *work; /* NULL: there is no need of it */
    struct op done;
};

struct acme {
    struct acme_settings settings;
    struct acme_resolver *resolvers;
    size_t resolver_count;
    struct list savers;
    struct strmap items;    /* by id */
    struct acme_item **list; /* the same, oldest first: the order they are served in */
    size_t count, cap;
    const struct model_dynamic *model; /* of the last update */
    struct acme_item *fallback; /* for defaultGeneratedCert */
    struct fetch *fetch;
    struct op fetched;
    struct acme_helper files; /* writes them, and makes keys that take no time */
    struct acme_helper keys;  /* makes RSA keys: up to a minute each */
    struct {
        struct acme_helper helper;
        int stop_fd; /* readable: who waits for DNS gives up */
        struct list tasks;
    } dns;
    struct timer look_timer;
    struct obtained_certs obtained;
    size_t obtained_cap;
    _Atomic bool ending; /* keys that are being made are given up */
};

/* acme.c */
int64_t acme_now_ms(void);
int64_t acme_now_s(void);
/* 0 to below - 1; below: at most 2^32. */
int64_t acme_random(int64_t below);
/* A quarter more or less. */
int64_t acme_spread(int64_t ms);
/* The served certificates have changed. */
void acme_note_change(struct acme *acme);
/* NULL: there is none. */
struct acme_item *acme_find_item(const struct acme *acme, struct span resolver, struct span key);
/* Adds it to both indexes. */
MUST_USE enum err acme_add_item(struct acme *acme, struct acme_item *item);

/* acme_account.c */
void acme_resolver_init(struct acme_resolver *resolver, struct acme *acme,
                        const struct model_resolver *model);
void acme_resolver_finish(struct acme_resolver *resolver);
/* Begins what waits, once the client is ready. */
void acme_resolver_pump(struct acme_resolver *resolver);
/* A request of an item failed for reasons of the CA as a whole. */
void acme_resolver_suffer(struct acme_resolver *resolver, const struct acme_failure *failure);
void acme_resolver_saved(struct acme_resolver *resolver, enum err error, const char *why);

/* acme_item.c */
MUST_USE enum err acme_item_create(struct acme_resolver *resolver, const struct span *names,
                                   size_t count, struct span key, struct acme_item **out);
/* The threads have ended, or it is idle. */
void acme_item_destroy(struct acme_item *item);
void acme_item_begin(struct acme_item *item);
/* Which challenge an order with or without a wildcard takes. */
enum acme_challenge_type acme_challenge_of(const struct model_resolver *resolver, bool wildcard);
/* The records of its challenges are where the CA looks, or cannot be brought there. */
void acme_item_dns_done(struct acme_item *item, enum err error, const char *why);

/* acme_schedule.c */
void acme_item_schedule(struct acme_item *item);
void acme_item_failed(struct acme_item *item, const struct acme_failure *failure);
void acme_item_succeeded(struct acme_item *item);
bool acme_item_may_order(const struct acme_item *item); /* it is wanted, and time for it */
bool acme_item_needs_asking(const struct acme_item *item);
/* What the CA said about the renewal; NULL window: nothing of use. */
struct acme_window;
void acme_item_take_window(struct acme_item *item, const struct acme_window *window,
                           int64_t retry_after_s);

/* acme_answers.c */
MUST_USE enum err acme_answers_publish(struct acme *acme, struct err_text *why);
void acme_answers_forget(struct acme_item *item);

/* acme_dns_task.c: acme_item_dns_done follows, unless acme_dns_end comes before. */
MUST_USE enum err acme_dns_begin(struct acme_item *item, struct err_text *why);
/* Has the records of the order that is over taken away, if there are any. */
void acme_dns_end(struct acme_item *item);
MUST_USE enum err acme_dns_start(struct acme *acme, struct err_text *why);
/* Takes away what is still there, for a few seconds at the most. */
void acme_dns_stop(struct acme *acme);

/* acme_saver.c: who does not own the storage only reads it. */
MUST_USE enum err acme_saver_create(struct acme *acme, const char *path, struct acme_saver **out,
                                    struct err_text *why);
/* The thread has ended. Writes what has not been written. */
void acme_saver_destroy(struct acme_saver *saver);
void acme_saver_save(struct acme_saver *saver);
/* Tries for the lock, and reads the file where others have changed it. */
void acme_saver_look(struct acme_saver *saver);

/* acme_storage.c */
void acme_storage_open(struct acme_resolver *resolver);
/* A process that ended between the two files leaves an order whose certificate is there
 * already; it would be taken for the next one. */
void acme_storage_forget_done_orders(struct acme_resolver *resolver);
/* An acme_store_taken: a certificate that somebody else put there. */
void acme_storage_taken(void *saver, const char *resolver, const struct acme_stored_cert *cert);

/* acme_wishes.c: `weir acme renew` leaves names in STORAGE.renew. */
void acme_wishes_take(struct acme *acme);

#endif
