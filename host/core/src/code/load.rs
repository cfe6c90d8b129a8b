//! Why a plugin is not loaded: the stable codes of a [`PluginProblem`](crate::plugin::PluginProblem).

use super::known::entries;

entries! {
    /// The name is not 1 to 64 of `a-z`, `0-9` and `-`, or is there twice.
    NAME => "plugin.name", "rename the file or folder; where two have the name, remove one";
    /// A folder without a component, or settings without one.
    NO_COMPONENT => "plugin.no_component", "put the component (.wasm) into the plugin's folder, or remove the folder";
    /// A folder with more than one component.
    SEVERAL_COMPONENTS => "plugin.several_components", "leave one .wasm in the folder; each plugin has a folder of its own";
    /// A file could not be read.
    UNREADABLE => "plugin.unreadable", "look at owner and rights of the file: the user that the host runs as has to read it";
    /// The component is over the size limit.
    TOO_LARGE => "plugin.too_large", "strip the component of debug information, or raise `plugins.component_limit`";
    /// The file is not WebAssembly.
    NOT_WASM => "plugin.not_wasm", "put the component there that the plugin's build made; a download may have been an error page";
    /// The file is WebAssembly in text form.
    TEXT_FORMAT => "plugin.text_format", "build the component in its binary form";
    /// The file is compiled code.
    PRECOMPILED => "plugin.precompiled", "put the component (.wasm) there: the host compiles it by itself and trusts no code that others compiled";
    /// The file is a core module.
    CORE_MODULE => "plugin.core_module", "build for wasm32-wasip2, or make a component of the module with `wasm-tools component new`";
    /// The component is malformed, or uses what the host does not support.
    INVALID => "plugin.invalid", "copy the file again; if it stays so, build the plugin with the kit of this host's version";
    /// Compiling the component takes more time or memory than it may.
    COMPILE => "plugin.compile", "make the component smaller, or raise `plugins.compile_time` and `plugins.compile_memory`";
    /// The component needs more memories, tables or instances than the host gives one plugin.
    RESOURCES => "plugin.resources", "build the plugin as one component with one memory, as the author kits do";
    /// The component imports something that the host does not offer.
    UNKNOWN_IMPORT => "plugin.unknown_import", "build the plugin without it: a plugin reaches nothing but its connections; or upgrade the host, where the import is a newer contract";
    /// The component exports no handler.
    NO_HANDLER => "plugin.no_handler", "export at least one of the interfaces that `mortar wit show` lists";
    /// A handler does not have the shape that the contract gives it.
    CONTRACT => "plugin.contract", "build the plugin against the contract of this host: `mortar wit export DIR`";
    /// The component cannot be instantiated within its limits.
    START => "plugin.start", "the plugin does too much before it handles anything, or needs more memory: raise `limits.memory` in plugin.toml, or mend it";
    /// The settings cannot be read or do not make sense.
    SETTINGS => "plugin.settings", "mend plugin.toml where the problem says, then `mortar check`";
    /// The journal has no number for the plugin.
    UNNUMBERED => "plugin.unnumbered", "see after the journal (`mortar status`); the plugin is loaded when it stores again";
    /// The files of a generation are not kept.
    NOT_KEPT => "plugin.not_kept", "see that the folder `plugins.generations` can be written and has room; bring the version again as a file";
    /// The version is not put in force: an operator or probation wants another one.
    HELD_BACK => "plugin.held_back", "see why with `mortar plugin show NAME`; put it in force with `mortar plugin promote NAME`, or bring a mended version";
    /// The settings grant a connection that is not configured.
    CONNECTION => "plugin.connection", "add `[connections.NAME]` to mortar.toml, or take the grant out of plugin.toml";
    /// The component is neither signed by a trusted key nor allowed by its digest.
    UNTRUSTED => "plugin.untrusted", "have it signed (`mortar plugin sign`) by a key of `plugins.trusted_keys`, or add its digest to `plugins.allowed_digests`";
    /// The version is not put in force: on recorded deliveries it does something else.
    GATE => "plugin.gate", "read the differences in `mortar plugin show NAME`; where they are meant, `mortar plugin promote NAME`";
    /// A limit in the settings is over the host's.
    LIMIT => "plugin.limit", "lower the limit in plugin.toml, or raise the host's in mortar.toml";
}
