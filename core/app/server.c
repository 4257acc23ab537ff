/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The order of the start: what may fail for reasons of the machine first, then
 * the configuration, which may take long, then the sockets, so that nobody
 * connects before there is something to answer; workers last. The end goes the
 * same way back.
 */
#include "core/app/server.h"

#include "core/admin/admin.h"
#include "core/app/builtin.h"
#include "core/app/cores.h"
#include "core/app/demo.h"
#include "core/app/descriptors.h"
#include "core/app/notify.h"
#include "core/app/shutdown.h"
#include "core/app/signals.h"
#include "core/app/sockets.h"
#include "core/app/worker_thread.h"
#include "core/base/log.h"
#include "core/control/control.h"
#include "io/ktls.h"
#include "tls/context.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct process {
    struct model_static *settings;
    size_t workers;
    int signals;
    bool tls_ready;
    bool has_ktls;
    struct demo *demo;
    char builtin_text[BUILTIN_DYNAMIC_SIZE];
    struct config_text builtin;
    struct sockets sockets;
    struct address_counts *addresses; /* NULL: any number */
    struct limit_total limit_totals[LIMIT_COUNT];
    struct snapshot_publication publication;
    struct control *control;
    struct admin *admin;
    struct worker_threads threads;
    struct shutdown shutdown;
};

static enum err open_log(const struct model_static *settings, struct err_text *why)
{
    struct log_settings log = {
        .level = LOG_ERROR,
        .format = settings->log.format == LOG_FORMAT_JSON ? LOG_JSON : LOG_COMMON,
        .path = settings->log.file_path.len > 0 ? settings->log.file_path.ptr : NULL,
    };
    enum err error = log_level_parse(settings->log.level, &log.level);
    if (error != ERR_OK)
        return err_set(why, error, "log.level \"%.*s\" is no level",
                       SPAN_ARG(settings->log.level));
    return log_configure(&log, why);
}

/* Fills in what the configuration leaves to the machine. */
static void derive(struct process *process)
{
    struct model_weir *weir = &process->settings->weir;
    uint64_t descriptors = descriptors_raise();
    process->workers = weir->workers > 0 ? (size_t)weir->workers : core_count();
    int64_t most = descriptors_to_connections(descriptors, process->workers);
    if (weir->max_connections == 0)
        weir->max_connections = most;
    else if (weir->max_connections > most)
        log_warn("weir.limits.connections is more than the limit of open files is good for; "
                 "raise RLIMIT_NOFILE (ulimit -n, systemd: LimitNOFILE=)");
}

/* Whether TLS may be handed to the kernel; tried once. */
static bool choose_ktls(enum ktls_mode mode)
{
    struct err_text why = {""};
    if (mode == KTLS_OFF) {
        log_info("kernel TLS is not used", "reason", "weir.tls.ktls is off");
        return false;
    }
    if (ktls_probe(&why) == ERR_OK) {
        log_info("kernel TLS is used for long responses");
        return true;
    }
    if (mode == KTLS_ON)
        log_warn("weir.tls.ktls is on, but TLS stays in user space", "reason", why.text);
    else
        log_info("kernel TLS is not used", "reason", why.text);
    return false;
}

static enum err prepare_machine(struct process *process, struct err_text *why)
{
    TRY(open_log(process->settings, why));
    TRY(signals_block(&process->signals, why));
    TRY(ring_probe(why));
    derive(process);
    process->has_ktls = choose_ktls(process->settings->weir.ktls);
    TRY(tls_global_init(why));
    process->tls_ready = true;
    return ERR_OK;
}

static enum err start_demo(struct process *process, struct err_text *why)
{
    TRY(demo_start(&process->demo, why));
    process->builtin = builtin_dynamic(demo_port(process->demo), process->builtin_text);
    return ERR_OK;
}

/* After derive. */
static enum err count_addresses(struct process *process, struct err_text *why)
{
    const struct model_weir *weir = &process->settings->weir;
    if (weir->connections_per_address == 0)
        return ERR_OK;
    enum err error = address_counts_create(
        (size_t)weir->max_connections, (size_t)weir->connections_per_address,
        (unsigned)weir->address_prefix6, &process->addresses);
    return error == ERR_OK ? ERR_OK
                           : err_set(why, error, "no memory for weir.limits.connectionsPerAddress "
                                                 "of %" PRId64 " connections",
                                     weir->max_connections);
}

static enum err start_workers(struct process *process, struct err_text *why)
{
    TRY(count_addresses(process, why));
    struct worker_thread_settings settings = {
        .settings = process->settings,
        .publication = &process->publication,
        .sockets = &process->sockets,
        .count = process->workers,
        .has_ktls = process->has_ktls,
        .addresses = process->addresses,
        .limit_totals = process->limit_totals,
        .hooks = {.access_log = admin_wants_records(process->admin) ? admin_access_log : NULL,
                  .internal_service = admin_internal_service,
                  .context = process->admin},
    };
    TRY(worker_threads_create(&process->threads, &settings, why));
    control_set_workers(process->control, process->threads.workers, process->threads.count);
    return worker_threads_start(&process->threads, why);
}

static enum err start(struct process *process, bool builtin, struct err_text *why)
{
    TRY(prepare_machine(process, why));
    if (builtin)
        TRY(start_demo(process, why));
    enum err error =
        sockets_init(&process->sockets, process->workers, process->settings->entry_point_count);
    if (error != ERR_OK)
        return err_set(why, error, "%s", err_message(error));
    TRY(sockets_open_chosen(&process->sockets, process->settings, why));
    struct control_settings settings = {
        .settings = process->settings,
        .worker_count = process->workers,
        .publication = &process->publication,
        .fixed = builtin ? &process->builtin : NULL,
    };
    TRY(control_create(&settings, &process->control, why));
    TRY(admin_create(process->settings, process->control, process->workers, &process->admin, why));
    TRY(sockets_open(&process->sockets, process->settings, why));
    return start_workers(process, why);
}

static void reopen_access_log(void *context)
{
    admin_reopen(context);
}

static void serve(struct process *process)
{
    process->shutdown = (struct shutdown){
        .control = process->control,
        .threads = &process->threads,
        .reopen_logs = reopen_access_log,
        .context = process->admin,
        .signals = process->signals,
    };
    shutdown_watch(&process->shutdown, process->settings);
    while (!shutdown_is_over(&process->shutdown))
        control_turn(process->control, -1);
}

static void announce(const struct process *process, bool builtin)
{
    char workers[24];
    snprintf(workers, sizeof(workers), "%zu", process->workers);
    sockets_log(&process->sockets, process->settings);
    log_info("Weir is ready", "version", WEIR_VERSION, "workers", workers);
    notify_send("READY=1");
    if (builtin)
        builtin_print_hints(stdout);
}

/* Who starts it by hand does not look into the log file. */
static void report_failure(const struct model_static *settings, const char *why)
{
    log_error("Weir cannot start", "error", why);
    if (settings->log.file_path.len > 0)
        fprintf(stderr, "weir: cannot start: %s\n", why);
}

static void finish(struct process *process)
{
    worker_threads_join(&process->threads);
    address_counts_destroy(process->addresses);
    admin_destroy(process->admin);
    control_destroy(process->control);
    sockets_finish(&process->sockets);
    demo_stop(process->demo);
    if (process->tls_ready)
        tls_global_finish();
    if (process->signals >= 0)
        close(process->signals);
}

int server_run(struct model_static *settings, bool builtin)
{
    struct process process = {.settings = settings, .signals = -1, .threads = {.ended = -1}};
    struct err_text why = {""};
    enum err error = start(&process, builtin, &why);
    if (error == ERR_OK) {
        announce(&process, builtin);
        serve(&process);
        log_info("Weir has ended");
    } else {
        report_failure(settings, why.text[0] ? why.text : err_message(error));
    }
    finish(&process);
    return error == ERR_OK ? EXIT_SUCCESS : EXIT_FAILURE;
}
