namespace FineTuneTool.Engine.Prompts;

/// <summary>A prompt format that is known by name. A new one is one entry of <see cref="All"/>.</summary>
/// <param name="Chat">A chat template with {% generation %} marks.</param>
/// <param name="Prompt">For rows with instruction and input: the prompt, over columns; the completion is the output.</param>
internal sealed record BuiltInTemplate(string Name, string Chat, string? Prompt = null, params IReadOnlyList<string> Stop)
{
    private const string ChatMl = """
        {%- for message in messages %}
            {{- '<|im_start|>' + message.role + '\n' }}
            {%- if message.role == 'assistant' %}
                {%- generation %}{{- message.content + '<|im_end|>' }}{% endgeneration %}
            {%- else %}
                {{- message.content + '<|im_end|>' }}
            {%- endif %}
            {{- '\n' }}
        {%- endfor %}
        {%- if add_generation_prompt %}{{- '<|im_start|>assistant\n' }}{% endif %}
        """;

    // Models without a role for the system read its text at the head of the first question.
    private const string SystemIntoFirstUser = """
        {%- set system = messages[0].content if messages[0].role == 'system' else '' %}
        {%- set turns = messages[1:] if messages[0].role == 'system' else messages %}
        {%- for message in turns %}
            {%- if (message.role == 'user') != (loop.index0 % 2 == 0) %}
                {{- raise_exception('user and assistant must take turns, the user first') }}
            {%- endif %}
        {%- endfor %}
        """;

    private const string AlpacaPreamble = "Below is an instruction that describes a task";

    private const string AlpacaRequest = "Write a response that appropriately completes the request.";

    public static IReadOnlyList<BuiltInTemplate> All { get; } =
    [
        new("alpaca",
            """
            {%- for message in messages %}
                {%- if message.role == 'assistant' %}
                    {{- '### Response:\n' }}
                    {%- generation %}{{- message.content + eos_token }}{% endgeneration %}
                    {{- '\n\n' if not loop.last }}
                {%- elif message.role == 'system' %}
                    {{- message.content + '\n\n' }}
                {%- else %}
                    {%- if loop.first %}{{- 'PREAMBLE. REQUEST\n\n' }}{% endif %}
                    {{- '### Instruction:\n' + message.content + '\n\n' }}
                {%- endif %}
            {%- endfor %}
            {%- if add_generation_prompt %}{{- '### Response:\n' }}{% endif %}
            """.Replace("PREAMBLE", AlpacaPreamble).Replace("REQUEST", AlpacaRequest),
            $$$"""
            {%- if system %}{{- system }}
            {%- elif input %}{{- '{{{AlpacaPreamble}}}, paired with an input that provides further context. {{{AlpacaRequest}}}' }}
            {%- else %}{{- '{{{AlpacaPreamble}}}. {{{AlpacaRequest}}}' }}
            {%- endif %}
            {{- '\n\n### Instruction:\n' + instruction }}
            {%- if input %}{{- '\n\n### Input:\n' + input }}{% endif %}
            {{- '\n\n### Response:\n' }}
            """,
            "### Instruction:"),
        new("chatml", ChatMl, null, "<|im_end|>"),
        new("qwen",
            """
            {%- if messages[0].role != 'system' %}{{- '<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n' }}{% endif %}
            """ + "\n" + ChatMl, null, "<|im_end|>"),
        new("llama2", SystemIntoFirstUser + "\n" +
            """
            {%- for message in turns %}
                {%- if message.role == 'user' %}
                    {{- bos_token + '[INST] ' + ('<<SYS>>\n' + system + '\n<</SYS>>\n\n' if loop.first and system else '') + message.content | trim + ' [/INST]' }}
                {%- else %}
                    {%- generation %}{{- ' ' + message.content | trim + ' ' + eos_token }}{% endgeneration %}
                {%- endif %}
            {%- endfor %}
            """),
        new("llama3",
            """
            {{- bos_token }}
            {%- for message in messages %}
                {{- '<|start_header_id|>' + message.role + '<|end_header_id|>\n\n' }}
                {%- if message.role == 'assistant' %}
                    {%- generation %}{{- message.content | trim + '<|eot_id|>' }}{% endgeneration %}
                {%- else %}
                    {{- message.content | trim + '<|eot_id|>' }}
                {%- endif %}
            {%- endfor %}
            {%- if add_generation_prompt %}{{- '<|start_header_id|>assistant<|end_header_id|>\n\n' }}{% endif %}
            """, null, "<|eot_id|>"),
        new("mistral", SystemIntoFirstUser + "\n" +
            """
            {{- bos_token }}
            {%- for message in turns %}
                {%- if message.role == 'user' %}
                    {{- '[INST] ' + (system + '\n\n' if loop.first and system else '') + message.content + ' [/INST]' }}
                {%- else %}
                    {%- generation %}{{- ' ' + message.content | trim + eos_token }}{% endgeneration %}
                {%- endif %}
            {%- endfor %}
            """),
        new("zephyr",
            """
            {%- for message in messages %}
                {{- '<|' + message.role + '|>\n' }}
                {%- if message.role == 'assistant' %}
                    {%- generation %}{{- message.content + eos_token }}{% endgeneration %}
                {%- else %}
                    {{- message.content + eos_token }}
                {%- endif %}
                {{- '\n' }}
            {%- endfor %}
            {%- if add_generation_prompt %}{{- '<|assistant|>\n' }}{% endif %}
            """),
        new("vicuna",
            """
            {%- set turns = messages[1:] if messages[0].role == 'system' else messages %}
            {{- bos_token }}
            {%- if messages[0].role == 'system' %}{{- messages[0].content | trim + ' ' }}
            {%- else %}{{- "A chat between a curious user and an artificial intelligence assistant. The assistant gives helpful, detailed, and polite answers to the user's questions. " }}
            {%- endif %}
            {%- for message in turns %}
                {%- if message.role == 'assistant' %}
                    {{- 'ASSISTANT:' }}
                    {%- generation %}{{- ' ' + message.content | trim + eos_token }}{% endgeneration %}
                {%- else %}
                    {{- 'USER: ' + message.content | trim + ' ' }}
                {%- endif %}
            {%- endfor %}
            {%- if add_generation_prompt %}{{- 'ASSISTANT:' }}{% endif %}
            """, null, "USER:"),
        new("phi3",
            """
            {%- for message in messages %}
                {{- '<|' + message.role + '|>\n' }}
                {%- if message.role == 'assistant' %}
                    {%- generation %}{{- message.content + '<|end|>' }}{% endgeneration %}
                {%- else %}
                    {{- message.content + '<|end|>' }}
                {%- endif %}
                {{- '\n' }}
            {%- endfor %}
            {%- if add_generation_prompt %}{{- '<|assistant|>\n' }}{% endif %}
            """, null, "<|end|>"),
        new("gemma", SystemIntoFirstUser + "\n" +
            """
            {{- bos_token }}
            {%- for message in turns %}
                {%- if message.role == 'user' %}
                    {{- '<start_of_turn>user\n' + (system + '\n\n' if loop.first and system else '') + message.content | trim + '<end_of_turn>\n' }}
                {%- else %}
                    {{- '<start_of_turn>model\n' }}
                    {%- generation %}{{- message.content | trim + '<end_of_turn>' }}{% endgeneration %}
                    {{- '\n' }}
                {%- endif %}
            {%- endfor %}
            {%- if add_generation_prompt %}{{- '<start_of_turn>model\n' }}{% endif %}
            """, null, "<end_of_turn>"),
    ];

    public static BuiltInTemplate? Find(string name) => All.FirstOrDefault(template => template.Name == name);
}
