# Completions of ramet for fish: put this file into a directory of $fish_complete_path.

set -l commands list info tree entries tail path context branches stats show export \
	new append branch fork label name migrate verify repair seal delete index help
set -l of_a_session info tree entries tail path context branches stats show export \
	append branch fork label name migrate verify repair seal delete index

function __ramet_with
	__fish_seen_subcommand_from $argv
end

complete -c ramet -f
complete -c ramet -n __fish_use_subcommand -a list -d 'the sessions there are, newest first'
complete -c ramet -n __fish_use_subcommand -a info -d 'one session: where, when, how large'
complete -c ramet -n __fish_use_subcommand -a tree -d 'a session with its branches'
complete -c ramet -n __fish_use_subcommand -a entries -d 'all entries in file order'
complete -c ramet -n __fish_use_subcommand -a tail -d 'the last entries, and those that come'
complete -c ramet -n __fish_use_subcommand -a path -d 'one branch from its root to its leaf'
complete -c ramet -n __fish_use_subcommand -a context -d 'what the model sees at a leaf'
complete -c ramet -n __fish_use_subcommand -a branches -d 'where the conversation went'
complete -c ramet -n __fish_use_subcommand -a stats -d 'messages, tokens and cost'
complete -c ramet -n __fish_use_subcommand -a show -d 'the conversation on one branch, to read'
complete -c ramet -n __fish_use_subcommand -a export -d 'a session in another form'
complete -c ramet -n __fish_use_subcommand -a new -d 'begin a session, and print its path'
complete -c ramet -n __fish_use_subcommand -a append -d 'add messages or entries to a session'
complete -c ramet -n __fish_use_subcommand -a branch -d 'go on from another entry'
complete -c ramet -n __fish_use_subcommand -a fork -d 'a new session from an old one'
complete -c ramet -n __fish_use_subcommand -a label -d 'show or set the label of an entry'
complete -c ramet -n __fish_use_subcommand -a name -d 'show or set the name of a session'
complete -c ramet -n __fish_use_subcommand -a migrate -d 'rewrite a session in the current version'
complete -c ramet -n __fish_use_subcommand -a verify -d 'is it intact, is it complete?'
complete -c ramet -n __fish_use_subcommand -a repair -d 'take out of a session what cannot be read'
complete -c ramet -n __fish_use_subcommand -a seal -d 'seal a session, so that verify finds any change'
complete -c ramet -n __fish_use_subcommand -a delete -d 'move a session to the trash'
complete -c ramet -n __fish_use_subcommand -a index -d 'what the cache knows of sessions'
complete -c ramet -n __fish_use_subcommand -a help -d 'how a command is used'

complete -c ramet -l json -d 'print JSON'
complete -c ramet -l store -x -a 'pi (__fish_complete_directories)' -d 'where to look up a session'
complete -c ramet -l no-cache -d 'read the session files only, no cache'
complete -c ramet -l color -x -a 'auto always never' -d 'when to use colour'
complete -c ramet -l width -x -d 'columns to print, 0 for no limit'
complete -c ramet -l no-pager -d 'do not start a pager'
complete -c ramet -s h -l help -d 'say how the command is used'
complete -c ramet -s V -l version -d 'print the version'

complete -c ramet -n "__ramet_with $of_a_session" -F -a @last
complete -c ramet -n '__ramet_with help' -a "$commands"

complete -c ramet -n '__ramet_with list' -F -a pi
complete -c ramet -n '__ramet_with list' -l here -d 'only sessions of the current directory'
complete -c ramet -n '__ramet_with list' -l cwd -x -a '(__fish_complete_directories)' -d 'only sessions of this directory'
complete -c ramet -n '__ramet_with list' -s n -l number -x -d 'only the newest N'
complete -c ramet -n '__ramet_with list' -l text -d 'with --json, also the text of all messages'
complete -c ramet -n '__ramet_with info' -s a -l all -d 'list every finding'
complete -c ramet -n '__ramet_with tree' -s a -l all -d 'every entry, nothing folded'
complete -c ramet -n '__ramet_with tail' -s n -l number -x -d 'the last N entries'
complete -c ramet -n '__ramet_with tail' -s f -l follow -d 'wait, and show entries as they arrive'
complete -c ramet -n '__ramet_with path export context' -s l -l leaf -x -a null -d 'where the branch ends'
complete -c ramet -n '__ramet_with context' -l projection -d 'which entries are in it'
complete -c ramet -n '__ramet_with context' -l llm -d 'the messages as they go to the model'
complete -c ramet -n '__ramet_with context' -l system -d 'the system prompt as replayed'
complete -c ramet -n '__ramet_with context' -l tokens -d 'about how many tokens it has'
complete -c ramet -n '__ramet_with context show' -s a -l all -d 'tool output and thinking in full'
complete -c ramet -n '__ramet_with show' -l at -x -a null -d 'up to this entry'
complete -c ramet -n '__ramet_with show' -s t -l thinking -d 'the text of thinking'
complete -c ramet -n '__ramet_with export' -l jsonl -d 'a session of its own'
complete -c ramet -n '__ramet_with export' -s o -l output -r -F -d 'into this file'
complete -c ramet -n '__ramet_with export' -s f -l force -d 'replace the file if it exists'

complete -c ramet -n '__ramet_with new fork' -l cwd -x -a '(__fish_complete_directories)' -d 'the working directory of the session'
complete -c ramet -n '__ramet_with new fork' -l id -x -d 'its id'
complete -c ramet -n '__ramet_with new' -l parent-session -r -F -a @last -d 'the session it came from'
complete -c ramet -n '__ramet_with append' -l parent -x -a null -d 'hang it under this entry'
complete -c ramet -n '__ramet_with append' -l expect -x -a null -d 'only if this entry is the leaf now'
complete -c ramet -n '__ramet_with append' -l on-conflict -x -a 'refuse branch' -d 'if it is not'
complete -c ramet -n '__ramet_with append' -l level -x -a 'each turn none' -d 'what survives a power cut'
complete -c ramet -n '__ramet_with fork' -l into -x -a 'pi (__fish_complete_directories)' -d 'where it goes'
complete -c ramet -n '__ramet_with fork' -l keep -d 'keep the entry also when it is a user message'
complete -c ramet -n '__ramet_with fork' -l plan -d 'only say what it would hold'
complete -c ramet -n '__ramet_with migrate' -l dry-run -d 'only say what would happen'
complete -c ramet -n '__ramet_with verify' -l key -r -F -d 'the public key of signed seals'
complete -c ramet -n '__ramet_with verify' -s a -l all -d 'list every finding'
complete -c ramet -n '__ramet_with repair' -l dry-run -d 'only say what would happen'
complete -c ramet -n '__ramet_with repair' -l salvage -d 'also where the damage is in the middle'
complete -c ramet -n '__ramet_with repair' -s a -l all -d 'list every place'
complete -c ramet -n '__ramet_with seal' -l sign -r -F -d 'sign with this private key'
complete -c ramet -n '__ramet_with seal' -l new-key -r -F -d 'make a key pair'
complete -c ramet -n '__ramet_with index' -a 'status rebuild clear'
complete -c ramet -n '__ramet_with delete' -l permanently -d 'for good, not into the trash'
complete -c ramet -n '__ramet_with delete' -s y -l yes -d 'do not ask'
