using FineTuneTool.Engine.Diagnostics;
using FineTuneTool.Engine.Exports;
using FineTuneTool.Engine.Formats;
using FineTuneTool.Engine.Models;
using FineTuneTool.Engine.Prompts;
using FineTuneTool.Engine.Protocol;
using FineTuneTool.Engine.Tensors;
using FineTuneTool.Engine.Tokenizers;

namespace FineTuneTool.Engine.Stages;

/// <summary>What a stage works with: the project's request, its checked settings, hashes, events, and the wish to stop.</summary>
public sealed class StageContext
{
    private readonly Dictionary<Stage, StageKey> _keys = [];
    private readonly Lazy<string> _baseModel;
    private readonly Lazy<Tokenizer> _tokenizer;

    /// <exception cref="FineTuneException">A setting is wrong.</exception>
    public StageContext(ProjectRequest request, IEventSink events, CancellationToken stop = default)
    {
        Request = request;
        Events = events;
        Stop = stop;
        Settings = SettingsParser.Parse(request.Settings, events);
        Hashes = new ContentHashes(Path.Combine(request.Project.ObjFolder, "hashes.json"));
        _baseModel = new Lazy<string>(() => ModelLocator.Find(Settings.BaseModel, request.Project.Directory, PlaceOf(nameof(RunSettings.BaseModel))));
        _tokenizer = new Lazy<Tokenizer>(() =>
        {
            using ModelFiles files = ModelFiles.Open(BaseModel);
            return LoadedModel.TokenizerOf(files);
        });
    }

    public ProjectRequest Request { get; }

    public RunSettings Settings { get; }

    public IEventSink Events { get; }

    public CancellationToken Stop { get; }

    /// <summary>What training and measuring compute with on this machine.</summary>
    public ElementType ActivationType => ComputeTypes.ForTraining(Settings.ComputeType);

    public ContentHashes Hashes { get; }

    /// <summary>Full path of the base model: a .gguf file or a Hugging Face folder.</summary>
    public string BaseModel => _baseModel.Value;

    /// <summary>What a base model without weights begins with; null where the method needs weights to start from.</summary>
    public InitialWeights? InitialWeights => Settings.IsFull ? new InitialWeights(Settings.Seed) : null;

    /// <summary>The base model's tokenizer.</summary>
    public Tokenizer Tokenizer => _tokenizer.Value;

    /// <summary>The project's prompt template for a tokenizer, with the project's system prompt.</summary>
    public PromptTemplate Template(Tokenizer tokenizer) => PromptTemplates.Find(
        Settings.PromptTemplate, Request.Project.Directory, tokenizer, Settings.SystemPrompt, PlaceOf(nameof(RunSettings.PromptTemplate)));

    /// <summary>How an export is to be asked and where it is to stop; says so in the log.</summary>
    internal AnswerFormat AnswerFormat() =>
        Exports.AnswerFormat.Of(Template(Tokenizer), Tokenizer, Events, PlaceOf(nameof(RunSettings.PromptTemplate)));

    public StageKey Key(Stage stage)
    {
        if (!_keys.TryGetValue(stage, out StageKey? key))
        {
            _keys[stage] = key = new StageKey(stage.Name, stage.KeyLines(this));
        }

        return key;
    }

    /// <summary>Folder of a stage's result: obj/&lt;project&gt;/&lt;stage&gt;/&lt;key&gt;.</summary>
    public string FolderOf(Stage stage) => Path.Combine(Request.Project.ObjFolder, stage.Name, Key(stage).FolderName);

    /// <summary>Outputs of a stage that this one builds on.</summary>
    /// <exception cref="FineTuneException">FT0008: it has not run with these settings.</exception>
    public IReadOnlyDictionary<string, string> OutputsOf(Stage stage)
    {
        string folder = FolderOf(stage);
        return StageMarker.Read(folder)?.OutputsIn(folder) ?? throw new FineTuneException(
            Codes.UpstreamMissing, $"The stage {stage.Name} has not run with these settings.", $"Run it first; the build target does so by itself.");
    }

    /// <summary>Where a setting stands in the project.</summary>
    public SourcePosition PlaceOf(string setting) =>
        Request.Settings.TryGetValue(setting, out SettingText? text) ? new SourcePosition(text.File, text.Line, text.Column) : new SourcePosition(Request.Project.File);

    /// <summary>A key line for each of some settings.</summary>
    public IEnumerable<KeyLine> SettingLines(params IEnumerable<string> names) => names.Select(name => new KeyLine(name, Settings[name]));
}
