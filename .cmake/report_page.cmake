# The parts of the HTML report, put into lockstep_sim as bytes: no file is read when it runs.

set(page_folder "${PROJECT_SOURCE_DIR}/sim/report/html")
set(PAGE_SKELETON "${page_folder}/page/page.html")
set(PAGE_STYLE "${page_folder}/page/page.css")
set(PAGE_LIBRARY "${page_folder}/vendor/echarts.min.js")

# In the order in which they stand in the page: each uses only what comes before it, main.js all.
set(page_scripts numbers elements theme charts whiskers header comparison partition timeline memory
  cluster roofline communication sensitivity explanation ledger search evidence notes main)
set(PAGE_SCRIPTS "")
set(page_files "${PAGE_SKELETON}" "${PAGE_STYLE}" "${PAGE_LIBRARY}")
foreach(script IN LISTS page_scripts)
  list(APPEND page_files "${page_folder}/page/${script}.js")
  string(APPEND PAGE_SCRIPTS ".incbin \"${page_folder}/page/${script}.js\"\n")
endforeach()

set(page_assets "${PROJECT_BINARY_DIR}/generated/page_assets.cpp")
configure_file("${PROJECT_SOURCE_DIR}/.cmake/page_assets.cpp.in" "${page_assets}" @ONLY)
set_source_files_properties("${page_assets}" PROPERTIES OBJECT_DEPENDS "${page_files}")
target_sources(lockstep_sim PRIVATE "${page_assets}")
