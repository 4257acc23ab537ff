/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the operator reads where there is no io_uring. Each case is a child: a
 * seccomp filter makes the system calls fail as the kernel or a container
 * would, personality(2) makes uname(2) tell of an old kernel, and a bind mount
 * in a namespace of its own puts another value into the sysctl's file.
 */
#include "harness.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define CANNOT_TEST 90
#define SYSCTL "/proc/sys/kernel/io_uring_disabled"

/* What the next child does; children inherit it. */
static struct {
    long refused_call; /* 0: none */
    int refused_with;
    int sysctl; /* -1: as it is */
    bool old_kernel;
    int descriptors; /* 0: as it is */
} world;

static bool refuse_call(long call, int error_number)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)call, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (unsigned)error_number),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {sizeof(code) / sizeof(code[0]), code};
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

static bool pretend_sysctl(int value)
{
    char name[] = "/tmp/weir-test-XXXXXX";
    int fd = mkstemp(name);
    if (fd < 0 || dprintf(fd, "%d\n", value) < 0 || close(fd) != 0)
        return false;
    bool done = unshare(CLONE_NEWNS) == 0 &&
                mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
                mount(name, SYSCTL, NULL, MS_BIND, NULL) == 0;
    unlink(name);
    return done;
}

static int probe_in_the_world(char text[512])
{
    struct err_text why = {{0}};
    struct rlimit limit = {(rlim_t)world.descriptors, (rlim_t)world.descriptors};
    if (world.sysctl >= 0 && !pretend_sysctl(world.sysctl))
        return CANNOT_TEST;
    if (world.old_kernel && personality(PER_LINUX | UNAME26) == -1)
        return CANNOT_TEST;
    if (world.descriptors > 0 && setrlimit(RLIMIT_NOFILE, &limit) != 0)
        return CANNOT_TEST;
    if (world.refused_call != 0 && !refuse_call(world.refused_call, world.refused_with))
        return CANNOT_TEST;
    enum err error = ring_probe(&why);
    memcpy(text, why.text, sizeof(why.text));
    return (int)error;
}

static void expect(enum err error, char text[512])
{
    int result = harness_in_child(probe_in_the_world, text);
    if (result == CANNOT_TEST)
        skip();
    if (result != (int)error)
        fail_msg("%s instead of %s: %s", err_name((enum err)result), err_name(error), text);
}

static int setup(void **state)
{
    (void)state;
    memset(&world, 0, sizeof(world));
    world.sysctl = -1;
    return 0;
}

/* ---- cases ---- */

static void machine_of_the_tests_has_io_uring(void **state)
{
    char text[512];
    (void)state;
    expect(ERR_OK, text);
    assert_string_equal(text, "");
}

static void seccomp_refusal_names_the_filter(void **state)
{
    char text[512];
    (void)state;
    world.refused_call = SYS_io_uring_setup;
    world.refused_with = EPERM;
    expect(ERR_UNSUPPORTED, text);
    assert_contains(text, "seccomp");
    assert_contains(text, "io_uring_setup");
    assert_contains(text, "--security-opt");
}

static void seccomp_that_lets_only_the_set_up_pass_is_noticed(void **state)
{
    static const struct {
        long call;
        const char *name;
    } calls[] = {{SYS_io_uring_register, "io_uring_register"}, {SYS_io_uring_enter,
                                                                "io_uring_enter"}};
    char text[512];
    (void)state;
    for (int i = 0; i < 2; i++) {
        world.refused_call = calls[i].call;
        world.refused_with = EPERM;
        expect(ERR_UNSUPPORTED, text);
        assert_contains(text, "seccomp");
        assert_contains(text, calls[i].name);
    }
}

static void seccomp_that_plays_an_old_kernel_is_named(void **state)
{
    char text[512];
    (void)state;
    world.refused_call = SYS_io_uring_setup;
    world.refused_with = ENOSYS;
    expect(ERR_UNSUPPORTED, text);
    assert_contains(text, "seccomp");
}

static void sysctl_for_all_is_named(void **state)
{
    char text[512];
    (void)state;
    world.sysctl = 2;
    world.refused_call = SYS_io_uring_setup;
    world.refused_with = EPERM;
    expect(ERR_UNSUPPORTED, text);
    assert_contains(text, "kernel.io_uring_disabled = 2");
    assert_contains(text, "sysctl -w kernel.io_uring_disabled=0");
}

static void sysctl_for_a_group_is_named(void **state)
{
    char text[512];
    (void)state;
    world.sysctl = 1;
    world.refused_call = SYS_io_uring_setup;
    world.refused_with = EPERM;
    expect(ERR_UNSUPPORTED, text);
    assert_contains(text, "kernel.io_uring_group");
    assert_contains(text, "kernel.io_uring_disabled = 1");
}

static void old_kernel_is_named_with_its_version(void **state)
{
    static const int errors[] = {EINVAL, ENOSYS};
    char text[512];
    (void)state;
    for (int i = 0; i < 2; i++) {
        world.old_kernel = true;
        world.refused_call = SYS_io_uring_setup;
        world.refused_with = errors[i];
        expect(ERR_UNSUPPORTED, text);
        assert_contains(text, "Linux 2.6.");
        assert_contains(text, "6.1");
    }
}

static void unknown_flags_on_a_new_kernel_are_told(void **state)
{
    char text[512];
    (void)state;
    world.refused_call = SYS_io_uring_setup;
    world.refused_with = EINVAL;
    expect(ERR_UNSUPPORTED, text);
    assert_contains(text, "6.1 or later");
}

static void lack_of_memory_names_the_limit(void **state)
{
    char text[512];
    (void)state;
    world.refused_call = SYS_io_uring_setup;
    world.refused_with = ENOMEM;
    expect(ERR_NOMEM, text);
    assert_contains(text, "memory limit");
}

static void lack_of_descriptors_names_the_limit(void **state)
{
    char text[512];
    (void)state;
    world.descriptors = 3;
    expect(ERR_LIMIT, text);
    assert_contains(text, "RLIMIT_NOFILE");
    assert_contains(text, "now 3");
}

#define probe_test(test) cmocka_unit_test_setup(test, setup)

int main(void)
{
    const struct CMUnitTest tests[] = {
        probe_test(machine_of_the_tests_has_io_uring),
        probe_test(seccomp_refusal_names_the_filter),
        probe_test(seccomp_that_lets_only_the_set_up_pass_is_noticed),
        probe_test(seccomp_that_plays_an_old_kernel_is_named),
        probe_test(sysctl_for_all_is_named),
        probe_test(sysctl_for_a_group_is_named),
        probe_test(old_kernel_is_named_with_its_version),
        probe_test(unknown_flags_on_a_new_kernel_are_told),
        probe_test(lack_of_memory_names_the_limit),
        probe_test(lack_of_descriptors_names_the_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
