/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Two ways to match. Backtracking with JIT is ten times faster on what rules are
 * usually asked, but its cost is a power of the subject's length, and JIT counts
 * its steps at groups only, not inside `.*`. So the cost is estimated first: the
 * length to the power of the pattern's iterators, which is also what may pass
 * between two counted steps. What is too much, or turns out to be, is left to
 * PCRE2's automaton, which keeps a set of states and reads each byte once.
 *
 * Both would begin anew at each byte of the subject, which squares the cost of
 * the automaton: a pattern that may begin anywhere is compiled with a lazy `.*?`
 * in front, anchored, as one attempt.
 *
 * Match data, JIT stack, limits and the automaton's states belong to a thread:
 * they are made on its first match, found by a thread-local pointer and freed by
 * a thread-specific key at its end.
 */
#include "core/route/regex.h"
#include "core/base/buf.h"
#include "core/base/utf8.h"

#include <pthread.h>
#include <stdlib.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#define JIT_STACK_FIRST (32 << 10)
#define JIT_STACK_MAX (256 << 10)
#define HEAP_LIMIT_KIB 1024
#define STEPS_MIN 100                    /* counted ones */
#define AUTOMATON_WORK_MAX (UINT64_C(1) << 26) /* states squared times bytes */
#define AUTOMATON_STATES_MIN 32
#define INTS_PER_STATE 6 /* three, in two sets */

struct regex {
    pcre2_code *code;
    bool utf;
    unsigned iterators, choices; /* as in struct regex_text */
};

struct regex_thread {
    pcre2_match_data *data;
    pcre2_match_context *context;
    pcre2_jit_stack *stack;
    int states[REGEX_STATES_MAX * INTS_PER_STATE + 2];
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

static enum err compile_text(struct span text, bool utf, pcre2_compile_context *context,
                             pcre2_code **out, struct err_text *why)
{
    uint32_t options = PCRE2_ALT_CIRCUMFLEX | PCRE2_NO_AUTO_CAPTURE | PCRE2_NEVER_BACKSLASH_C;
    options |= utf ? PCRE2_UTF : PCRE2_NEVER_UTF;
    int code = 0;
    size_t offset = 0;
    pcre2_code *made =
        pcre2_compile((PCRE2_SPTR)text.ptr, text.len, options, &code, &offset, context);
    if (made != NULL) {
        *out = made;
        return ERR_OK;
    }
    PCRE2_UCHAR message[128];
    pcre2_get_error_message(code, message, sizeof(message));
    bool memory = code == PCRE2_ERROR_HEAP_FAILED;
    return err_set(why, memory ? ERR_NOMEM : ERR_SYNTAX, "%s", (const char *)message);
}

static bool is_anchored(const pcre2_code *code)
{
    uint32_t options = 0;
    pcre2_pattern_info(code, PCRE2_INFO_ALLOPTIONS, &options);
    return (options & PCRE2_ANCHORED) != 0;
}

/* Replaces regex->code by that of the pattern with ".*?" in front. */
static enum err compile_floating(struct span text, pcre2_compile_context *context,
                                 struct regex *regex, struct err_text *why)
{
    struct buf wrapped;
    pcre2_code *floating = NULL;
    buf_init(&wrapped, text.len + 64);
    enum err error = buf_append(&wrapped, SPAN("(?s)\\A.*?(?-s:"));
    if (error == ERR_OK)
        error = buf_append(&wrapped, text);
    if (error == ERR_OK)
        error = buf_append(&wrapped, SPAN(")"));
    if (error == ERR_OK)
        error = compile_text(buf_span(&wrapped), regex->utf, context, &floating, why);
    buf_finish(&wrapped);
    if (error != ERR_OK)
        return error;
    pcre2_code_free(regex->code);
    regex->code = floating;
    regex->iterators++;
    return ERR_OK;
}

static enum err compile_pattern(struct span text, pcre2_compile_context *context,
                                struct regex *regex, struct err_text *why)
{
    pcre2_set_newline(context, PCRE2_NEWLINE_LF);
    TRY(compile_text(text, regex->utf, context, &regex->code, why));
    if (!is_anchored(regex->code))
        TRY(compile_floating(text, context, regex, why));
    pcre2_jit_compile(regex->code, PCRE2_JIT_COMPLETE); /* without JIT it is interpreted */
    return ERR_OK;
}

enum err regex_compile(struct span pattern, struct regex **out, struct err_text *why)
{
    struct regex_text text;
    TRY(regex_translate(pattern, &text, why));
    enum err error = ERR_NOMEM;
    struct regex *regex = calloc(1, sizeof(*regex));
    pcre2_general_context *memory = pcre2_general_context_create(memory_get, memory_put, NULL);
    pcre2_compile_context *context = memory ? pcre2_compile_context_create(memory) : NULL;
    if (regex != NULL && context != NULL) {
        regex->utf = text.utf;
        regex->iterators = text.iterators;
        regex->choices = text.choices;
        error = compile_pattern(span_make(text.text, text.len), context, regex, why);
    }
    if (error == ERR_NOMEM)
        err_set(why, error, "out of memory");
    pcre2_compile_context_free(context);
    pcre2_general_context_free(memory);
    free(text.text);
    if (error == ERR_OK)
        *out = regex;
    else
        regex_destroy(regex);
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

/* ---- matching ---- */

/* What backtracking may cost between two counted steps; at most a little more
 * than REGEX_WORK_MAX. */
static uint64_t estimate_work(const struct regex *regex, size_t len)
{
    unsigned bits = regex->choices < 32 ? regex->choices : 32;
    uint64_t work = UINT64_C(1) << bits;
    for (unsigned i = 0; i < regex->iterators && work <= REGEX_WORK_MAX; i++)
        work *= len + 1;
    return work;
}

static enum regex_result result_of(int code)
{
    return code >= 0                     ? REGEX_MATCH
           : code == PCRE2_ERROR_NOMATCH ? REGEX_NO_MATCH
                                         : REGEX_FAILED;
}

static enum regex_result match_backtracking(const struct regex *regex, struct span subject,
                                            struct regex_thread *thread)
{
    uint64_t work = estimate_work(regex, subject.len);
    if (work > REGEX_WORK_MAX)
        return REGEX_FAILED;
    uint32_t steps = (uint32_t)(REGEX_WORK_MAX / work);
    pcre2_set_match_limit(thread->context, steps > STEPS_MIN ? steps : STEPS_MIN);
    return result_of(pcre2_match(regex->code, (PCRE2_SPTR)subject.ptr, subject.len, 0,
                                 PCRE2_NO_UTF_CHECK, thread->data, thread->context));
}

static enum regex_result match_automaton(const struct regex *regex, struct span subject,
                                         struct regex_thread *thread)
{
    uint64_t states = REGEX_STATES_MAX;
    while (states > AUTOMATON_STATES_MIN && states * states * subject.len > AUTOMATON_WORK_MAX)
        states /= 2;
    pcre2_set_match_limit(thread->context, REGEX_WORK_MAX);
    return result_of(pcre2_dfa_match(regex->code, (PCRE2_SPTR)subject.ptr, subject.len, 0,
                                     PCRE2_NO_UTF_CHECK | PCRE2_DFA_SHORTEST, thread->data,
                                     thread->context, thread->states,
                                     states * INTS_PER_STATE + 2));
}

/* The thread's own, or NULL when the question cannot be answered. */
static struct regex_thread *thread_for(const struct regex *regex, struct span *subject)
{
    if (subject->len > REGEX_SUBJECT_MAX || (regex->utf && !utf8_valid(*subject)))
        return NULL;
    if (subject->len == 0)
        *subject = SPAN("");
    return own ? own : thread_create();
}

enum regex_result regex_match(const struct regex *regex, struct span subject)
{
    struct regex_thread *thread = thread_for(regex, &subject);
    if (thread == NULL)
        return REGEX_FAILED;
    enum regex_result result = match_backtracking(regex, subject, thread);
    return result == REGEX_FAILED ? match_automaton(regex, subject, thread) : result;
}

enum regex_result regex_match_linear(const struct regex *regex, struct span subject)
{
    struct regex_thread *thread = thread_for(regex, &subject);
    return thread ? match_automaton(regex, subject, thread) : REGEX_FAILED;
}
