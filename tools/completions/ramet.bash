# Completions of ramet for bash: source this file, or install it where bash-completion looks.

_ramet_commands="list info tree entries tail path context branches stats show export new append
	branch fork label name compact convert import migrate verify repair seal delete
	prune events trace index sidecar help"
_ramet_tools="pi pirust ggcode yoi"
_ramet_common="--json --store --no-cache --color --width --no-pager --help --version"

# The command in the words before the cursor, if there is one. An option's value is none.
_ramet_command()
{
	local i
	for ((i = 1; i < COMP_CWORD; i++)); do
		case ${COMP_WORDS[i]} in
		--store | --color | --width | --cwd | --number | --leaf | -n | -l | --output | -o | \
			--id | --parent-session | --parent | --expect | --on-conflict | --level | \
			--into | --at | --sign | --new-key | --key | --apply | --summary | \
			--keep-tokens | --max-tokens | --to | -t | --format | --append | -a | \
			--before | -b) ((i++)) ;;
		-* | =) ;;
		*)
			echo "${COMP_WORDS[i]}"
			return
			;;
		esac
	done
}

_ramet_options()
{
	case $1 in
	list) echo "--here --cwd --number --text $_ramet_common" ;;
	info | tree) echo "--all $_ramet_common" ;;
	tail) echo "--number --follow $_ramet_common" ;;
	path) echo "--leaf $_ramet_common" ;;
	context) echo "--leaf --projection --llm --system --tokens --all $_ramet_common" ;;
	show) echo "--at --leaf --all --thinking $_ramet_common" ;;
	export) echo "--jsonl --md --format --leaf --output --force $_ramet_common" ;;
	convert) echo "--to --output --id --leaf --lean --dry-run $_ramet_common" ;;
	import) echo "--format --into --id --dry-run $_ramet_common" ;;
	trace | events) echo "--append $_ramet_common" ;;
	prune) echo "--before --yes $_ramet_common" ;;
	new) echo "--cwd --format --id --parent-session $_ramet_common" ;;
	branch) echo "--plan --text --summary --max-tokens --leaf --expect --no-files $_ramet_common" ;;
	compact) echo "--plan --text --apply --keep-tokens --leaf --expect --no-files $_ramet_common" ;;
	append) echo "--parent --expect --on-conflict --level $_ramet_common" ;;
	fork) echo "--into --cwd --id --keep --plan $_ramet_common" ;;
	migrate) echo "--dry-run $_ramet_common" ;;
	verify) echo "--key --all $_ramet_common" ;;
	sidecar) echo "--dry-run --migrate --to --number --mode $_ramet_common" ;;
	repair) echo "--dry-run --salvage --all $_ramet_common" ;;
	seal) echo "--sign --new-key $_ramet_common" ;;
	delete) echo "--permanently --yes $_ramet_common" ;;
	*) echo "$_ramet_common" ;;
	esac
}

# Words of $1 and files of kind $2 (f or d), as they fit what is typed.
_ramet_offer()
{
	local cur=${COMP_WORDS[COMP_CWORD]}

	COMPREPLY=($(compgen -W "$1" -- "$cur"))
	if [[ -n $2 && ${#COMPREPLY[@]} -eq 0 ]]; then
		compopt -o filenames 2>/dev/null
		mapfile -t COMPREPLY < <(compgen "-$2" -- "$cur")
	fi
}

_ramet()
{
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
	local command
	command=$(_ramet_command)

	COMPREPLY=()
	case $prev in
	--store | --into) _ramet_offer "$_ramet_tools sqlite: ckptmgr:" d ;;
	--format | --to | -t)
		[[ $command == sidecar ]] || _ramet_offer "$_ramet_tools ckptmgr sqlite" ""
		;;
	--color) _ramet_offer "auto always never" "" ;;
	--cwd) _ramet_offer "" d ;;
	--leaf | -l | --at | --parent | --expect) _ramet_offer "null" "" ;;
	--parent-session) _ramet_offer "@last" f ;;
	--on-conflict) _ramet_offer "refuse branch fork" "" ;;
	--level) _ramet_offer "each turn none" "" ;;
	--output | -o | --sign | --new-key | --apply | --summary) _ramet_offer "" f ;;
	--mode) _ramet_offer "full active tail" "" ;;
	--width | --number | -n | --id | --keep-tokens | --max-tokens | --before | -b | --append | -a) ;;
	*)
		if [[ $cur == -* ]]; then
			_ramet_offer "$(_ramet_options "$command")" ""
		elif [[ -z $command ]]; then
			_ramet_offer "$_ramet_commands" ""
		elif [[ $command == help ]]; then
			_ramet_offer "$_ramet_commands" ""
		elif [[ $command == index && $prev == index ]]; then
			_ramet_offer "status rebuild clear" ""
		elif [[ $command == sidecar && $prev == sidecar ]]; then
			_ramet_offer "create status verify tail checkpoint rollback recover" ""
		elif [[ $command == list ]]; then
			_ramet_offer "$_ramet_tools" f
		elif [[ $command == verify ]]; then
			_ramet_offer "@last $_ramet_tools" f
		elif [[ $command == new ]]; then
			:
		else
			_ramet_offer "@last" f
		fi
		;;
	esac
}

complete -F _ramet ramet
