-- How luacheck reads the store's scripts; tests/lua_check.py hands them over as the server gets them.
std = "lua51"
-- What the server adds …
read_globals = {"redis", "cjson", "cmsgpack", "bit", "KEYS", "ARGV"}
-- … and what it lacks, or what no script of ours has any business with.
not_globals = {"io", "os", "package", "debug", "require", "module", "dofile", "loadfile", "print"}
max_line_length = 120
