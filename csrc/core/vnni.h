// Whether this host multiplies bytes, four a lane (vpdpbusd on 512 bits), which x86-64-v4 does not say.
#pragma once

namespace lamina {

bool host_has_vnni();

}  // namespace lamina
