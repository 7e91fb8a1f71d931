/* The version of platen: in `platen version`, in version.json and in manifests. */
#ifndef BASE_VERSION_H
#define BASE_VERSION_H

#define PLATEN_VERSION "0.1.0"

#endif
