/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * wolfSSL as a client, for what other clients cannot do yet (hybrid groups):
 *     tls_client PORT NAME VERSION(2|3) SUITE GROUP REQUEST
 * SUITE is IANA's name, GROUP its number; "" and 0 leave the choice to wolfSSL.
 * Prints "version suite group", then the answer to REQUEST until the server ends.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <wolfssl/ssl.h>

static void fail(WOLFSSL *ssl, const char *what)
{
    int error = ssl != NULL ? wolfSSL_get_error(ssl, 0) : 0;
    fprintf(stderr, "%s: %d %s\n", what, error,
            wolfSSL_ERR_reason_error_string((unsigned long)error));
    exit(1);
}

static int connect_to(const char *port)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET,
        .sin_port = htons((uint16_t)atoi(port)),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0)
        fail(NULL, "connect");
    return fd;
}

static WOLFSSL *prepare(WOLFSSL_CTX *context, const char *name, int version, int group)
{
    wolfSSL_CTX_set_verify(context, WOLFSSL_VERIFY_NONE, NULL);
    WOLFSSL *ssl = wolfSSL_new(context);
    if (ssl == NULL ||
        wolfSSL_UseSNI(ssl, WOLFSSL_SNI_HOST_NAME, name, (unsigned short)strlen(name)) !=
            WOLFSSL_SUCCESS)
        fail(NULL, "wolfSSL_new");
    if (group == 0)
        return ssl;
    if (version == 3 && (wolfSSL_set_groups(ssl, &group, 1) != WOLFSSL_SUCCESS ||
                         wolfSSL_UseKeyShare(ssl, (word16)group) != WOLFSSL_SUCCESS))
        fail(NULL, "wolfSSL does not know the group");
    if (version == 2 && wolfSSL_UseSupportedCurve(ssl, (word16)group) != WOLFSSL_SUCCESS)
        fail(NULL, "wolfSSL does not know the curve");
    return ssl;
}

int main(int argc, char **argv)
{
    if (argc != 7)
        return 2;
    int version = atoi(argv[3]), got;
    char answer[4096];
    wolfSSL_Init();
    WOLFSSL_CTX *context =
        wolfSSL_CTX_new(version == 3 ? wolfTLSv1_3_client_method() : wolfTLSv1_2_client_method());
    if (context == NULL ||
        (argv[4][0] && wolfSSL_CTX_set_cipher_list(context, argv[4]) != WOLFSSL_SUCCESS))
        fail(NULL, "wolfSSL does not know the suite");
    WOLFSSL *ssl = prepare(context, argv[2], version, atoi(argv[5]));
    int fd = connect_to(argv[1]);
    if (wolfSSL_set_fd(ssl, fd) != WOLFSSL_SUCCESS || wolfSSL_connect(ssl) != WOLFSSL_SUCCESS)
        fail(ssl, "handshake");
    int suite = wolfSSL_get_current_cipher_suite(ssl);
    const char *curve = wolfSSL_get_curve_name(ssl);
    printf("%s %s %s\n", wolfSSL_get_version(ssl),
           wolfSSL_get_cipher_name_iana_from_suite((unsigned char)(suite >> 8),
                                                   (unsigned char)suite),
           curve != NULL ? curve : "-");
    int length = (int)strlen(argv[6]);
    if (wolfSSL_write(ssl, argv[6], length) != length)
        fail(ssl, "write");
    while ((got = wolfSSL_read(ssl, answer, sizeof(answer))) > 0)
        fwrite(answer, 1, (size_t)got, stdout);
    wolfSSL_free(ssl);
    wolfSSL_CTX_free(context);
    close(fd);
    return 0;
}
