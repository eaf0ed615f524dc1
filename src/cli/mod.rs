//! The command line: arguments in, one library call, an exit code out.
