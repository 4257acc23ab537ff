/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The records of an order: set and looked for by a helper thread while the order
 * waits, and taken away once it is over, whatever came of it. A task whose order
 * is gone takes its records away and then itself.
 */
#include "core/control/acme_private.h"

#include "core/base/clock.h"
#include "core/base/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define THREADS 10
#define TASK_MS (6 * 3600 * MS_PER_S) /* what each step allows itself ends long before */
#define LAST_MS (5 * MS_PER_S)        /* to take all records away when the program ends */

struct acme_dns_task {
    struct work_job job;
    struct list link; /* acme->dns.tasks */
    struct acme *acme;
    struct acme_resolver *resolver;
    struct acme_item *item; /* whose order waits; NULL: it is over */
    bool running;
    struct acme_dns_record *records; /* those before `fresh` are to be taken away first */
    size_t count, fresh;
    enum err error;
    struct err_text why;
};

/* ---- on a helper thread ---- */

static void clean_up(struct acme_dns_task *task, size_t count, struct patience patience)
{
    for (size_t i = 0; i < count; i++) {
        struct err_text why = {""};
        enum err error = acme_dns_clean_up(task->resolver->dns, &task->records[i], patience, &why);
        if (error != ERR_OK && error != ERR_CANCELED)
            log_warn("a record of a DNS challenge stays behind", "resolver",
                     task->resolver->model->object.name.ptr, "domain", task->records[i].domain,
                     "error", why.text);
    }
}

/* Two records of one name, one after the other: caches have to forget the first. */
static enum err pause_between(struct acme_dns_task *task, struct patience patience)
{
    for (size_t i = 0; i < task->fresh; i++)
        for (size_t j = task->fresh; j < task->count; j++)
            if (dns_name_equal(&task->records[i].name, &task->records[j].name))
                return acme_dns_pause(task->resolver->dns, patience);
    return ERR_OK;
}

static enum err present(struct acme_dns_task *task, struct patience patience)
{
    const struct acme_dns *dns = task->resolver->dns;
    clean_up(task, task->fresh, patience);
    for (size_t i = task->fresh; i < task->count; i++)
        TRY(acme_dns_locate(dns, &task->records[i], patience));
    TRY(pause_between(task, patience));
    for (size_t i = task->fresh; i < task->count; i++)
        TRY(acme_dns_present(dns, &task->records[i], patience, &task->why));
    TRY(acme_dns_delay(dns, patience));
    for (size_t i = task->fresh; i < task->count; i++)
        TRY(acme_dns_check(dns, &task->records[i], patience, &task->why));
    return ERR_OK;
}

static void run_present(struct work_job *job)
{
    struct acme_dns_task *task = container_of(job, struct acme_dns_task, job);
    struct patience patience = {acme_now_ms() + TASK_MS, task->acme->dns.stop_fd};
    task->error = present(task, patience);
}

static void run_clean_up(struct work_job *job)
{
    struct acme_dns_task *task = container_of(job, struct acme_dns_task, job);
    struct patience patience = {acme_now_ms() + TASK_MS, task->acme->dns.stop_fd};
    clean_up(task, task->count, patience);
}

/* ---- on the control thread ---- */

static void destroy(struct acme_dns_task *task)
{
    list_remove(&task->link);
    for (size_t i = 0; i < task->count; i++)
        acme_dns_record_finish(&task->records[i]);
    free(task->records);
    free(task);
}

static void cleaned_up(struct work_job *job)
{
    destroy(container_of(job, struct acme_dns_task, job));
}

static void start(struct acme_dns_task *task, void (*run)(struct work_job *job),
                  void (*done)(struct work_job *job))
{
    task->running = true;
    task->job.run = run;
    task->job.done = done;
    work_start(task->acme->dns.helper.work, &task->job);
}

static void presented(struct work_job *job)
{
    struct acme_dns_task *task = container_of(job, struct acme_dns_task, job);
    task->running = false;
    if (task->item == NULL)
        start(task, run_clean_up, cleaned_up);
    else
        acme_item_dns_done(task->item, task->error,
                           task->why.text[0] != '\0' ? task->why.text : err_message(task->error));
}

static enum err add_records(struct acme_dns_task *task, const struct acme_order *order)
{
    struct acme_challenge challenge;
    size_t more = 0;
    while (acme_order_challenge(order, more, &challenge))
        more++;
    struct acme_dns_record *bigger =
        realloc(task->records, (task->count + more + 1) * sizeof(*bigger));
    if (bigger == NULL)
        return ERR_NOMEM;
    task->records = bigger;
    task->fresh = task->count;
    for (size_t i = 0; acme_order_challenge(order, i, &challenge); i++) {
        TRY(acme_dns_record_init(&task->records[task->count], challenge.name, challenge.token,
                                 challenge.key_authorization));
        task->count++;
    }
    return ERR_OK;
}

enum err acme_dns_begin(struct acme_item *item, struct err_text *why)
{
    struct acme_dns_task *task = item->dns;
    if (task == NULL) {
        task = calloc(1, sizeof(*task));
        if (task == NULL)
            return err_set(why, ERR_NOMEM, "out of memory");
        task->acme = item->of->acme;
        task->resolver = item->of;
        task->item = item;
        list_init(&task->job.link);
        list_push_back(&task->acme->dns.tasks, &task->link);
        item->dns = task;
    }
    if (task->running)
        return ERR_OK;
    enum err error = add_records(task, item->order);
    if (error != ERR_OK)
        return err_set(why, error, "the names of the records: %s", err_message(error));
    start(task, run_present, presented);
    return ERR_OK;
}

void acme_dns_end(struct acme_item *item)
{
    struct acme_dns_task *task = item->dns;
    item->dns = NULL;
    if (task == NULL)
        return;
    task->item = NULL;
    if (!task->running) /* else `presented` does it */
        start(task, run_clean_up, cleaned_up);
}

/* ---- life ---- */

enum err acme_dns_start(struct acme *acme, struct err_text *why)
{
    acme->dns.stop_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (acme->dns.stop_fd < 0)
        return err_set(why, ERR_SYSTEM, "no eventfd for DNS challenges");
    return work_create("weir-dns", THREADS, &acme->dns.helper.work, why);
}

void acme_dns_stop(struct acme *acme)
{
    struct patience patience = {acme_now_ms() + LAST_MS, -1};
    if (acme->dns.stop_fd >= 0)
        (void)eventfd_write(acme->dns.stop_fd, 1);
    work_destroy(acme->dns.helper.work);
    list_for_each(node, &acme->dns.tasks) {
        struct acme_dns_task *task = container_of(node, struct acme_dns_task, link);
        if (task->item != NULL)
            task->item->dns = NULL;
        clean_up(task, task->count, patience);
        destroy(task);
    }
    if (acme->dns.stop_fd >= 0)
        close(acme->dns.stop_fd);
}
