/* platen's version, as `platen --version`, manifests and version.json say it. */
#ifndef BASE_VERSION_H
#define BASE_VERSION_H

#ifndef PLATEN_VERSION
#define PLATEN_VERSION "0.1.0"
#endif

#endif
