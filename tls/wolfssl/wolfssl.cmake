# SPDX-License-Identifier: GPL-3.0-or-later
#
# The target weir_wolfssl: wolfSSL built from source (fetch.sh, build.sh), once for all build
# directories, or an installed one. Sets WEIR_WOLFSSL_VERSION and WEIR_WOLFSSL_ASM.

set(WEIR_WOLFSSL_TARBALL "" CACHE FILEPATH "wolfSSL's source, instead of the distribution's")
set(WEIR_WOLFSSL_ROOT "" CACHE PATH "Prefix of an installed wolfSSL, instead of building it")
set(WEIR_WOLFSSL_MINIMUM 5.9)

# What Weir calls; an installed wolfSSL without these would fail at the first use, so fail now.
set(weir_wolfssl_needed WOLFSSL_TLS13 HAVE_ALPN HAVE_SNI HAVE_SESSION_TICKET HAVE_OCSP HAVE_CRL
    HAVE_CERTIFICATE_STATUS_REQUEST HAVE_AESGCM HAVE_CURVE25519 HAVE_ED25519 WOLFSSL_HAVE_MLKEM
    WOLFSSL_CERT_GEN WOLFSSL_CERT_REQ WOLFSSL_CERT_EXT WOLFSSL_KEY_GEN WOLFSSL_ALT_NAMES ATOMIC_USER
    HAVE_PK_CALLBACKS
    WOLFSSL_ALWAYS_KEEP_SNI WOLFSSL_ALWAYS_VERIFY_CB "SP_INT_BITS 8192")

# The compiler that builds wolfSSL: one for all presets, whatever Weir itself is compiled with.
function(weir_wolfssl_compiler output)
    find_program(WEIR_WOLFSSL_CC NAMES gcc cc DOC "The compiler that builds wolfSSL")
    if(NOT WEIR_WOLFSSL_CC)
        set(WEIR_WOLFSSL_CC ${CMAKE_C_COMPILER})
    endif()
    set(${output} ${WEIR_WOLFSSL_CC} PARENT_SCOPE)
endfunction()

function(weir_wolfssl_run what log)
    execute_process(COMMAND ${ARGN} OUTPUT_FILE ${log} ERROR_FILE ${log} RESULT_VARIABLE result)
    if(NOT result EQUAL 0)
        execute_process(COMMAND tail -n 25 ${log} OUTPUT_VARIABLE tail)
        message(FATAL_ERROR "wolfSSL: could not ${what} (the whole log: ${log})\n${tail}")
    endif()
endfunction()

# Builds wolfSSL into the cache unless it is there, and returns its prefix. The cache is shared by
# all build directories: a lock makes those that come second wait for the first.
function(weir_wolfssl_build output)
    set(here ${CMAKE_CURRENT_FUNCTION_LIST_DIR})
    set(cache $ENV{WEIR_CACHE_DIR})
    if(NOT cache)
        set(cache ${PROJECT_SOURCE_DIR}/build/.cache)
    endif()
    set(given ${WEIR_WOLFSSL_TARBALL})
    if(given AND (NOT EXISTS "${given}" OR IS_DIRECTORY "${given}"))
        message(FATAL_ERROR "WEIR_WOLFSSL_TARBALL: there is no file ${given}")
    endif()
    weir_wolfssl_compiler(compiler)
    execute_process(COMMAND ${compiler} -dumpfullversion -dumpversion -dumpmachine
        OUTPUT_VARIABLE compiler_version COMMAND_ERROR_IS_FATAL ANY)
    set(ingredients "${compiler} ${compiler_version}")
    foreach(file ${here}/build.sh ${here}/mend.sh ${here}/random_hook.h ${WEIR_WOLFSSL_TARBALL})
        file(SHA256 ${file} hash)
        string(APPEND ingredients " ${hash}")
    endforeach()
    string(SHA256 key "${ingredients}")
    string(SUBSTRING ${key} 0 16 key)

    set(prefix ${cache}/wolfssl-${key})
    set(${output} ${prefix} PARENT_SCOPE)
    file(MAKE_DIRECTORY ${cache})
    file(LOCK ${cache}/wolfssl.lock GUARD FUNCTION TIMEOUT 3600)
    if(EXISTS ${prefix}/complete)
        return()
    endif()

    foreach(tool autoreconf libtoolize make)
        find_program(weir_tool_${tool} ${tool})
        if(NOT weir_tool_${tool})
            message(FATAL_ERROR "wolfSSL: ${tool} is needed to build it "
                "(packages autoconf, automake, libtool, make)")
        endif()
    endforeach()
    set(tarball ${WEIR_WOLFSSL_TARBALL})
    if(NOT tarball)
        message(STATUS "wolfSSL: getting the source from the distribution")
        file(REMOVE_RECURSE ${cache}/source)
        file(MAKE_DIRECTORY ${cache}/source)
        weir_wolfssl_run("get the source" ${cache}/fetch.log ${here}/fetch.sh ${cache}/source)
        file(GLOB tarball ${cache}/source/wolfssl_*.orig.tar.*)
    endif()
    cmake_host_system_information(RESULT cores QUERY NUMBER_OF_LOGICAL_CORES)
    message(STATUS "wolfSSL: building ${tarball}, which takes a minute or two, once")
    set(log ${cache}/wolfssl-${key}.log)
    file(REMOVE_RECURSE ${prefix})
    weir_wolfssl_run("build it" ${log} ${CMAKE_COMMAND} -E env CC=${compiler}
        ${here}/build.sh ${tarball} ${prefix} ${cache}/work ${cores})
    file(REMOVE_RECURSE ${cache}/work)
    file(WRITE ${prefix}/complete "${tarball}\n")
endfunction()

# Finds the library and the version in the prefix and checks that this wolfSSL will do.
function(weir_wolfssl_check prefix)
    find_library(weir_wolfssl_library NAMES libwolfssl.a wolfssl PATHS ${prefix} NO_DEFAULT_PATH
        PATH_SUFFIXES lib lib64 lib/${CMAKE_LIBRARY_ARCHITECTURE} NO_CACHE)
    set(options ${prefix}/include/wolfssl/options.h)
    set(version_header ${prefix}/include/wolfssl/version.h)
    if(NOT weir_wolfssl_library OR NOT EXISTS ${options} OR NOT EXISTS ${version_header})
        message(FATAL_ERROR "wolfSSL: none installed in ${prefix}")
    endif()

    file(STRINGS ${version_header} line REGEX "define LIBWOLFSSL_VERSION_STRING")
    string(REGEX MATCH "[0-9]+\\.[0-9]+\\.[0-9]+" version "${line}")
    if(version VERSION_LESS WEIR_WOLFSSL_MINIMUM OR version VERSION_GREATER_EQUAL 6)
        message(FATAL_ERROR "wolfSSL: ${prefix} holds ${version}; Weir needs "
            "${WEIR_WOLFSSL_MINIMUM} or a later 5.x")
    endif()
    file(STRINGS ${options} defined REGEX "^#define ")
    foreach(name IN LISTS weir_wolfssl_needed)
        if(NOT "${defined};" MATCHES "#define ${name}[; ]")
            message(FATAL_ERROR "wolfSSL: the one in ${prefix} was built without ${name} "
                "(tls/wolfssl/build.sh has the options that Weir needs)")
        endif()
    endforeach()
    if("${defined};" MATCHES "#define WOLFSSL_SSLKEYLOGFILE[; ]")
        message(FATAL_ERROR "wolfSSL: the one in ${prefix} writes its keys to a file "
            "(WOLFSSL_SSLKEYLOGFILE)")
    endif()

    set(weir_wolfssl_library ${weir_wolfssl_library} PARENT_SCOPE)
    set(WEIR_WOLFSSL_VERSION ${version} PARENT_SCOPE)
endfunction()

# Looks for the assembly in the library's symbols: what was asked of configure is no proof.
function(weir_wolfssl_check_assembly library)
    execute_process(COMMAND ${CMAKE_NM} ${library} OUTPUT_VARIABLE symbols ERROR_QUIET)
    if(symbols MATCHES "weir_random_block")
        set(weir_wolfssl_own_random ON PARENT_SCOPE)
    endif()
    if(symbols MATCHES "sp_256_mont_mul_avx2_4" AND symbols MATCHES "AES_GCM_encrypt_avx2")
        set(assembly "Intel: AES-NI, AVX2, SP")
    elseif(symbols MATCHES "sp_256_mont_mul_4" AND symbols MATCHES "AES_GCM_encrypt_AARCH64")
        set(assembly "ARM: AES, SP")
    else()
        set(assembly none)
        message(WARNING "wolfSSL: ${library} is without assembly: handshakes will cost four times, "
            "and AES-GCM thirty times, what they could")
    endif()
    set(WEIR_WOLFSSL_ASM ${assembly} PARENT_SCOPE)
endfunction()

if(WEIR_WOLFSSL_ROOT)
    set(weir_wolfssl_prefix ${WEIR_WOLFSSL_ROOT})
else()
    weir_wolfssl_build(weir_wolfssl_prefix)
endif()
weir_wolfssl_check(${weir_wolfssl_prefix})
weir_wolfssl_check_assembly(${weir_wolfssl_library})
message(STATUS "wolfSSL: ${WEIR_WOLFSSL_VERSION} (assembly: ${WEIR_WOLFSSL_ASM})")

set(type SHARED)
if(weir_wolfssl_library MATCHES "\\.a$")
    set(type STATIC)
endif()
add_library(weir_wolfssl_archive ${type} IMPORTED)
set_target_properties(weir_wolfssl_archive PROPERTIES
    IMPORTED_LOCATION ${weir_wolfssl_library}
    INTERFACE_INCLUDE_DIRECTORIES ${weir_wolfssl_prefix}/include
    INTERFACE_COMPILE_DEFINITIONS WOLFSSL_USE_OPTIONS_H
    INTERFACE_LINK_LIBRARIES "m;Threads::Threads")

# wolfSSL and its source of random bytes need each other.
add_library(weir_random STATIC ${CMAKE_CURRENT_LIST_DIR}/../random.c)
target_include_directories(weir_random PUBLIC ${PROJECT_SOURCE_DIR})
target_link_libraries(weir_random PUBLIC weir_wolfssl_archive)

add_library(weir_wolfssl INTERFACE)
target_link_libraries(weir_wolfssl INTERFACE weir_random)
if(weir_wolfssl_own_random)
    target_compile_options(weir_wolfssl_archive INTERFACE
        -include ${CMAKE_CURRENT_LIST_DIR}/random_hook.h)
    set_property(TARGET weir_wolfssl_archive APPEND PROPERTY
        INTERFACE_LINK_LIBRARIES weir_random)
endif()
