# SPDX-License-Identifier: GPL-3.0-or-later
# What cmake --install puts where: the server, its manual page, an example, and how systemd runs it.

# The unit names the program's path, which is known only now that cmake --install may have been
# given another prefix. systemd looks into /usr and /usr/local alike, always below lib.
install(CODE "
    set(WEIR_SBINDIR \"\${CMAKE_INSTALL_PREFIX}/${CMAKE_INSTALL_SBINDIR}\")
    configure_file(\"${CMAKE_CURRENT_LIST_DIR}/weir.service.in\"
        \"\$ENV{DESTDIR}\${CMAKE_INSTALL_PREFIX}/lib/systemd/system/weir.service\" @ONLY)
    message(STATUS \"Installing: lib/systemd/system/weir.service for \${WEIR_SBINDIR}/weir\")")
install(FILES ${CMAKE_CURRENT_LIST_DIR}/weir.sysusers DESTINATION lib/sysusers.d RENAME weir.conf)
install(FILES ${CMAKE_CURRENT_LIST_DIR}/weir.8 DESTINATION ${CMAKE_INSTALL_MANDIR}/man8)
install(FILES ${CMAKE_CURRENT_LIST_DIR}/weir.yml DESTINATION ${CMAKE_INSTALL_DOCDIR}/examples)
install(FILES ${PROJECT_SOURCE_DIR}/README.md ${PROJECT_SOURCE_DIR}/LICENSE
    DESTINATION ${CMAKE_INSTALL_DOCDIR} OPTIONAL)
if(TARGET weir)
    install(TARGETS weir RUNTIME DESTINATION ${CMAKE_INSTALL_SBINDIR})
endif()
