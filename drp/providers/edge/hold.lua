-- Requests of a held name wait here. The map of held names gives the most seconds a request may wait.
-- txn.waiting stays true unless the name is released: a wait that is broken off (the proxy does so when the
-- client leaves) must not let the request through.
local held

core.register_init(function()
  held = Map.new("${config}/held.map", Map._str)
end)

core.register_action("hold", { "http-req" }, function(txn)
  local name = txn:get_var("txn.name")
  local began = core.now()
  while true do
    local limit = held:lookup(name)
    if limit == nil then
      txn:set_var("txn.waiting", false)
      return
    end
    local now = core.now()
    if (now.sec - began.sec) + (now.usec - began.usec) / 1000000 >= tonumber(limit) then
      return
    end
    core.msleep(20)
  end
end, 0)
