"""Looking for secrets from outside: named values in lines, the files of a package, a function as it runs."""
