//! The run database: nothing paid is lost, nothing is paid twice.
