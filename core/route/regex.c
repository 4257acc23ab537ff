/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Compiles the translated pattern with JIT where there is one. Match data, JIT
 * stack and limits belong to a thread: they are made on its first match, found
 * by a thread-local pointer and freed by a thread-specific key at its end.
 */
#include "core/route/regex.h"

#include <pthread.h>
#include <stdlib.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#define JIT_STACK_FIRST (32 << 10)
#define JIT_STACK_MAX (256 << 10)
#define HEAP_LIMIT_KIB 1024

struct regex {
    pcre2_code *code;
};

struct regex_thread {
    pcre2_match_data *data;
    pcre2_match_context *context;
    pcre2_jit_stack *stack;
};

static void *memory_get(size_t size, void *argument)
{
    (void)argument;
    return malloc(size);
}

static void memory_put(void *block, void *argument)
{
    (void)argument;
    free(block);
}

/* ---- compiling ---- */

static enum err compile_translated(const char *text, size_t len, bool utf,
                                   pcre2_compile_context *context, pcre2_code **out,
                                   struct err_text *why)
{
    uint32_t options = PCRE2_DOLLAR_ENDONLY | PCRE2_ALT_CIRCUMFLEX | PCRE2_NO_AUTO_CAPTURE |
                       PCRE2_NEVER_BACKSLASH_C;
    options |= utf ? PCRE2_UTF | PCRE2_MATCH_INVALID_UTF : PCRE2_NEVER_UTF;
    int code = 0;
    size_t offset = 0;
    pcre2_set_newline(context, PCRE2_NEWLINE_LF);
    *out = pcre2_compile((PCRE2_SPTR)text, len, options, &code, &offset, context);
    if (*out != NULL) {
        pcre2_jit_compile(*out, PCRE2_JIT_COMPLETE); /* without JIT it is interpreted */
        return ERR_OK;
    }
    PCRE2_UCHAR message[128];
    pcre2_get_error_message(code, message, sizeof(message));
    bool memory = code == PCRE2_ERROR_HEAP_FAILED;
    return err_set(why, memory ? ERR_NOMEM : ERR_SYNTAX, "%s", (const char *)message);
}

enum err regex_compile(struct span pattern, struct regex **out, struct err_text *why)
{
    char *text;
    size_t len;
    bool utf;
    TRY(regex_translate(pattern, &text, &len, &utf, why));
    enum err error = ERR_NOMEM;
    struct regex *regex = malloc(sizeof(*regex));
    pcre2_general_context *memory = pcre2_general_context_create(memory_get, memory_put, NULL);
    pcre2_compile_context *context = memory ? pcre2_compile_context_create(memory) : NULL;
    if (regex != NULL && context != NULL)
        error = compile_translated(text, len, utf, context, &regex->code, why);
    else
        err_set(why, error, "out of memory");
    pcre2_compile_context_free(context);
    pcre2_general_context_free(memory);
    free(text);
    if (error == ERR_OK)
        *out = regex;
    else
        free(regex);
    return error;
}

void regex_destroy(struct regex *regex)
{
    if (regex == NULL)
        return;
    pcre2_code_free(regex->code);
    free(regex);
}

/* ---- a thread's own ---- */

static _Thread_local struct regex_thread *own;
static pthread_key_t thread_key;
static pthread_once_t thread_once = PTHREAD_ONCE_INIT;

static void thread_destroy(void *argument)
{
    struct regex_thread *thread = argument;
    if (thread == NULL)
        return;
    pcre2_jit_stack_free(thread->stack);
    pcre2_match_context_free(thread->context);
    pcre2_match_data_free(thread->data);
    free(thread);
    own = NULL;
}

static void thread_make_key(void)
{
    if (pthread_key_create(&thread_key, thread_destroy) != 0)
        abort();
}

static bool thread_fill(struct regex_thread *thread, pcre2_general_context *memory)
{
    thread->data = pcre2_match_data_create(1, memory);
    thread->context = pcre2_match_context_create(memory);
    if (thread->data == NULL || thread->context == NULL)
        return false;
    pcre2_set_match_limit(thread->context, REGEX_MATCH_LIMIT);
    pcre2_set_depth_limit(thread->context, REGEX_MATCH_LIMIT);
    pcre2_set_heap_limit(thread->context, HEAP_LIMIT_KIB);
    thread->stack = pcre2_jit_stack_create(JIT_STACK_FIRST, JIT_STACK_MAX, memory);
    if (thread->stack != NULL)
        pcre2_jit_stack_assign(thread->context, NULL, thread->stack);
    return true;
}

static struct regex_thread *thread_create(void)
{
    pthread_once(&thread_once, thread_make_key);
    struct regex_thread *thread = calloc(1, sizeof(*thread));
    pcre2_general_context *memory = pcre2_general_context_create(memory_get, memory_put, NULL);
    bool filled = thread != NULL && memory != NULL && thread_fill(thread, memory);
    pcre2_general_context_free(memory);
    if (!filled || pthread_setspecific(thread_key, thread) != 0) {
        thread_destroy(thread);
        return NULL;
    }
    own = thread;
    return thread;
}

enum regex_result regex_match(const struct regex *regex, struct span subject)
{
    struct regex_thread *thread = own ? own : thread_create();
    if (thread == NULL)
        return REGEX_FAILED;
    PCRE2_SPTR text = (PCRE2_SPTR)(subject.len > 0 ? subject.ptr : "");
    int result = pcre2_match(regex->code, text, subject.len, 0, 0, thread->data, thread->context);
    if (result >= 0)
        return REGEX_MATCH;
    return result == PCRE2_ERROR_NOMATCH ? REGEX_NO_MATCH : REGEX_FAILED;
}
